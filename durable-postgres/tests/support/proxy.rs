//! A proxy on the loopback that loses what it is told to lose.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What becomes of what goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Everything passes.
    Pass,
    /// The next commit is lost with its connection.
    CutBeforeCommit,
    /// The answer to the next commit is lost with its connection.
    CutAfterCommit,
    /// So many messages pass; the one after them is lost with its connection.
    CutAfter(u32),
    /// The next commit is held back until the server ends the session.
    HoldCommit,
    /// Nothing passes, and nobody is told; a connection that was swallowed once stays so.
    Swallow,
}

/// The proxy; its task ends with the runtime.
#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    plan: Arc<watch::Sender<Plan>>,
}

impl Proxy {
    /// Stands before the server on a port.
    pub(crate) async fn before(server: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let plan = Arc::new(watch::channel(Plan::Pass).0);
        let shared = plan.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let plan = shared.clone();
                // Where either side is gone, both are closed: that is all that a proxy can do.
                tokio::spawn(async move { Passage { client, plan }.pass(server).await });
            }
        });
        Ok(Self { port, plan })
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    pub(crate) fn set(&self, plan: Plan) {
        self.plan.send_replace(plan);
    }

    /// Whether what was planned has happened.
    pub(crate) fn is_done(&self) -> bool {
        *self.plan.borrow() == Plan::Pass
    }
}

/// One connection through it.
struct Passage {
    client: TcpStream,
    plan: Arc<watch::Sender<Plan>>,
}

impl Passage {
    async fn pass(mut self, server: u16) -> anyhow::Result<()> {
        let mut server = TcpStream::connect(("127.0.0.1", server)).await?;
        // What the one side writes at once the other gets at once.
        server.set_nodelay(true)?;
        self.client.set_nodelay(true)?;
        let mut plan = self.plan.subscribe();
        let (mut sent, mut answered) = (Vec::new(), Vec::new());
        loop {
            let now = *plan.borrow_and_update();
            if now == Plan::Swallow {
                std::future::pending::<()>().await;
            }
            tokio::select! {
                biased;
                _ = plan.changed() => {}
                read = self.client.read_buf(&mut sent) => {
                    if read? == 0 {
                        return Ok(());
                    }
                    if let Plan::CutAfter(left) = now {
                        self.plan.send_replace(left.checked_sub(1).map_or(Plan::Pass, Plan::CutAfter));
                        if left == 0 {
                            return Ok(());
                        }
                    } else if now != Plan::Pass && is_commit(&sent) {
                        return self.commit(&sent, &mut server).await;
                    }
                    server.write_all(&sent).await?;
                    sent.clear();
                }
                read = server.read_buf(&mut answered) => {
                    if read? == 0 {
                        return Ok(());
                    }
                    self.client.write_all(&answered).await?;
                    answered.clear();
                }
            }
        }
    }

    /// Treats a commit as planned; the connection ends with it.
    async fn commit(mut self, commit: &[u8], server: &mut TcpStream) -> anyhow::Result<()> {
        let mut answer = Vec::new();
        match self.plan.send_replace(Plan::Pass) {
            Plan::CutAfterCommit => {
                server.write_all(commit).await?;
                while !answer.ends_with(b"Z\0\0\0\x05I") {
                    anyhow::ensure!(server.read_buf(&mut answer).await? > 0, "the server went away");
                }
            }
            Plan::HoldCommit => {
                server.read_to_end(&mut answer).await?;
                self.client.write_all(&answer).await?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// Whether the statement `commit`, which ends with a zero, is in what was sent.
fn is_commit(sent: &[u8]) -> bool {
    sent.windows(7).any(|word| word.eq_ignore_ascii_case(b"commit\0"))
}
