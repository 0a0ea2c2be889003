//! Prints the SQL of all migrations as one transaction, for those who apply them by hand.

#![allow(clippy::print_stdout, reason = "it is a program")]

fn main() {
    print!("{}", durable_postgres::migrations());
}
