//! The same five nodes, each a process of its own: they find each other through this host alone.

use std::{env, process::Stdio};

use mosaik::NetworkId;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, Command},
    task::JoinHandle,
};

use crate::roles::{self, Outcome, PARTICIPANTS, Participant, Role};

/// Starts a process for each node, prints what they say, and ends the matchers when the traders are done.
pub(crate) async fn run_all() -> Outcome {
    let network_id = NetworkId::random().to_string();
    let mut matchers = Vec::new();
    let mut traders = Vec::new();
    for who in PARTICIPANTS {
        let child = spawn(who, &network_id)?;
        match who.role {
            Role::Matcher => matchers.push(child),
            Role::Trader => traders.push(child),
        }
    }
    for (mut trader, printed) in traders {
        let status = trader.wait().await?;
        printed.await?;
        if !status.success() {
            return Err("a trader has failed".into());
        }
    }
    for (mut matcher, printed) in matchers {
        // The end of its input tells it to leave.
        drop(matcher.stdin.take());
        let status = matcher.wait().await?;
        printed.await?;
        if !status.success() {
            return Err("a matcher has failed".into());
        }
    }
    Ok(())
}

fn spawn(who: Participant, network_id: &str) -> std::io::Result<(Child, JoinHandle<()>)> {
    let mut child = Command::new(env::current_exe()?)
        .args(["--node", who.name, network_id])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let stdout = child.stdout.take();
    let printed = tokio::spawn(async move {
        if let Some(stdout) = stdout {
            let mut lines = BufReader::new(stdout).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                println!("{line}");
            }
        }
    });
    Ok((child, printed))
}

/// Runs one node in this process.
pub(crate) async fn run_one(name: &str, network_id: &str) -> Outcome {
    let who = PARTICIPANTS.into_iter().find(|who| who.name == name);
    let who = who.ok_or_else(|| format!("there is no node named {name}"))?;
    let node = roles::start(NetworkId::from(network_id), who).await?;
    roles::meet(&node, who.name).await?;
    match who.role {
        Role::Trader => roles::trade(&node, who.name).await?,
        Role::Matcher => roles::match_orders(&node, who.name, end_of_input()).await?,
    }
    node.shutdown(crate::SHUTDOWN_DEADLINE).await?;
    Ok(())
}

async fn end_of_input() {
    let mut byte = [0];
    // Whatever comes, and however it ends: nobody has anything to say.
    while let Ok(1..) = tokio::io::stdin().read(&mut byte).await {}
}
