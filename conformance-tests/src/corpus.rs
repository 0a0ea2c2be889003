//! Texts that stores are known to lose, to cut or to change.

/// JSON texts: bytes in are bytes out.
pub(crate) fn payloads() -> Vec<String> {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let objects = |depth: usize| format!("{}null{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    let string = |size: usize| format!("\"{}\"", "x".repeat(size));
    let mut texts: Vec<String> = PLAIN.iter().map(ToString::to_string).collect();
    texts.extend([1, 100, 127, 128, 129, 1_000, 1_001].map(nested));
    texts.extend([128, 1_000].map(objects));
    // Around the limits of a NOTIFY and of a toasted row, and one of a megabyte; two bytes are the quotes.
    texts.extend([0, 7_990, 8_189, 8_190, 8_191, 65_534, (1 << 20) - 2].map(string));
    texts.push(format!("[{}1]", "1,".repeat(20_000)));
    texts.push(wide(100_000));
    texts.push(format!("\"{}\"", noise(65_536)));
    texts
}

/// JSON texts beyond what a store has to take: it keeps them, or refuses them.
pub(crate) fn beyond() -> Vec<String> {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    // More than the eight megabytes that a page or a batch has.
    vec![deep, format!("\"{}\"", noise(1 << 16).repeat(144))]
}

/// An object with so many keys.
fn wide(keys: usize) -> String {
    let entries: Vec<_> = (0..keys).map(|key| format!("\"k{key}\":{key}")).collect();
    format!("{{{}}}", entries.join(","))
}

/// So many characters that no compression makes fewer, the same each time.
fn noise(length: usize) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        // Xorshift.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        LETTERS.get(usize::try_from(state >> 58).unwrap_or(0)).map_or('?', |letter| char::from(*letter))
    };
    (0..length).map(|_| next()).collect()
}

const PLAIN: [&str; 52] = [
    // Small ones stay themselves.
    "null",
    "true",
    "false",
    r#""""#,
    "{}",
    "[]",
    "[[]]",
    "[{}]",
    r#"{"":{}}"#,
    r#"{"a":[]}"#,
    "[null,null]",
    // Integers that a float cannot hold.
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "9007199254740991",
    "9007199254740993",
    "100000000000000000",
    // Numbers that are equal and not the same.
    "0.1",
    "1.0",
    "1",
    "1e2",
    "100",
    "1E+2",
    "-0",
    "-0.0",
    "5e-324",
    "1.7976931348623157e308",
    "0.30000000000000004",
    "1e400",
    "1234567890123456789012345678901234567890.5",
    // What texts stumble over.
    r#""\u0000""#,
    r#""a\u0000b""#,
    r#"{"\u0000":1}"#,
    r#""\u0001\u001f\u007f""#,
    "\"\u{2028}\u{2029}\u{feff}\"",
    r#""\ud800""#,
    r#""\ud83e\udd80""#,
    "\"🦀 مرحبا e\u{301} \u{e9}\"",
    r#""\/ \b\f\n\r\t \" \\""#,
    // Order, doubles and white space.
    r#"{"b":1,"a":2}"#,
    r#"{"a":1,"a":2}"#,
    r#"{"1":1,"100":1}"#,
    " { \"a\" : [ 1 , 2 ] } ",
    "[1,null,3]",
    // What looks like something else.
    r#""123""#,
    r#""2030-01-01T00:00:00Z""#,
    r#""'; drop table tasks; --""#,
    r#""__nil__""#,
    r#""null""#,
    r#""%s %d {} {0} $1 ?""#,
    r#""redis.call('flushall')""#,
    r#""\\x00""#,
];

/// Names: at most 255 bytes, no control characters, and otherwise anything.
pub(crate) fn names() -> Vec<String> {
    let mut names: Vec<String> = NAMES.iter().map(ToString::to_string).collect();
    names.push("n".repeat(63));
    names.push("n".repeat(64));
    names.push("n".repeat(255));
    names.push(format!("{}a", "ä".repeat(127)));
    names
}

const NAMES: [&str; 62] = [
    " ",
    "  ",
    " lead",
    "trail ",
    "in side",
    "/",
    "\\",
    "a:b",
    "a",
    "b",
    ":",
    "::",
    "a:",
    ":b",
    ".",
    "..",
    "a.b",
    ",",
    ";",
    "'",
    "\"",
    "`",
    "''",
    "$1",
    "$",
    "#",
    "#2",
    "@",
    "!",
    "~",
    "~never",
    "*",
    "?",
    "[ab]",
    "%",
    "_",
    "a_",
    "{",
    "}",
    "{}",
    "}x{",
    "{x}",
    "{a}b",
    "--",
    "/* */",
    "null",
    "NaN",
    "0",
    "00",
    "-1",
    "🦀",
    "مرحبا",
    "caf\u{e9}",
    "cafe\u{301}",
    "İ",
    "i",
    "I",
    "ı",
    "ß",
    "SS",
    "a\u{200b}",
    "\u{feff}",
];
