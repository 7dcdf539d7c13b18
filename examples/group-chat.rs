//! A chat room without a server.
//!
//! Each instance is one participant. Those in the same room find each other by themselves, on one host, on a local
//! network, or further apart with `--peer`:
//!
//! ```text
//! cargo run --example group-chat -- --nickname Alice
//! cargo run --example group-chat -- --nickname Bob --color 33
//! cargo run --example group-chat -- --nickname Charlie --color 34 --room lobby
//! ```
//!
//! Participants are a replicated `Map`, messages a replicated `Vec`: who joins gets the history from the others, and
//! nothing is lost as long as one of them is there.

#![expect(
    clippy::disallowed_methods,
    reason = "a program outside the runtime: it has its own tasks and the real clock"
)]

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    io::{BufRead as _, IsTerminal as _},
    sync::Arc,
    time::{Duration, Instant},
};

use clap::{Parser, builder::RangedU64ValueParser};
use examples::{fail, parse_args, parse_peer_id, stop_requested};
use futures::StreamExt as _;
use mosaik::{
    collections::{Error, MapWriter, VecWriter},
    *,
};
use serde::{Deserialize, Serialize};
use tokio::{sync::mpsc, time};

const NETWORK: NetworkId = unique_id!("mosaik.example.group-chat");
const USERS: StoreId = unique_id!("mosaik.example.group-chat.users");
const MESSAGES: StoreId = unique_id!("mosaik.example.group-chat.messages");

/// A participant in a chat room.
#[derive(Debug, Parser)]
#[command(name = "group-chat")]
struct Args {
    /// Your name, as others see it
    #[arg(short, long, default_value = "anon")]
    nickname: String,

    /// The color of your messages, by its ANSI code: 31 to 36
    #[arg(short, long, default_value = "32", value_parser = RangedU64ValueParser::<u8>::new().range(30..=97))]
    color: u8,

    /// The room: whoever names the same one joins the same chat
    #[arg(short, long, default_value = "lobby")]
    room: String,

    /// The id of somebody in the room, where it is not found by itself; repeatable
    #[arg(short, long, value_parser = parse_peer_id)]
    peer: Vec<PeerId>,

    /// Stay on this machine: look for nobody on the local network or beyond
    #[arg(long)]
    local: bool,
}

/// Who somebody is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct UserInfo {
    nickname: String,
    color: u8,
}

impl fmt::Display for UserInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\x1b[{}m{}\x1b[0m",
            self.color,
            printable(&self.nickname)
        )
    }
}

/// What somebody said.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Message {
    /// Different for every message, so that none is shown twice.
    id: UniqueId,
    from: UserInfo,
    text: String,
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.from, printable(&self.text))
    }
}

/// What others send must not move our cursor.
fn printable(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).collect()
}

#[tokio::main]
async fn main() {
    if let Err(error) = Box::pin(run(parse_args())).await {
        fail(&error.to_string());
    }
}

async fn run(args: Args) -> Result<(), Box<dyn std::error::Error>> {
    let stop = stop_requested()?;
    tokio::pin!(stop);
    let me = UserInfo {
        nickname: args.nickname,
        color: args.color,
    };
    println!("Joining room '{}' as {me} ...", printable(&args.room));
    let mut builder = Network::builder(NETWORK.derive(&args.room))
        .with_discovery(discovery::Config::builder().with_bootstrap(args.peer));
    if args.local {
        builder = builder.loopback();
    }
    let network = builder.build().await?;
    println!("local peer id: {}", network.local().id());
    look_around(&network).await;

    let mut room = Room::open(&network, me);
    tokio::select! {
        () = room.enter() => {}
        () = &mut stop => {
            network.shutdown(SHUTDOWN_DEADLINE).await?;
            return Ok(());
        }
    }
    room.welcome();

    let mut users = room.users.changes();
    let mut messages = room.messages.changes();
    let (say, said) = mpsc::channel(LINES_WAITING_MAX);
    let mouth = tokio::spawn(deliver(room.messages.clone(), said));
    let mut lines = typed_lines();
    let mut may_type = true;
    let mut second = time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(_) = users.next() => room.show_who_is_here(),
            Some(_) = messages.next() => room.show_messages(),
            line = lines.recv(), if may_type => match line {
                Some(text) if !text.is_empty() => {
                    let id = UniqueId::random();
                    let from = room.me.clone();
                    if let Err(error) = say.try_send(Message { id, from, text }) {
                        println!("! not sent, too many messages are waiting: {}", error.into_inner());
                    }
                }
                Some(_) => {}
                // The end of a terminal's input is a wish to go; of a file or a pipe, it is not.
                None if std::io::stdin().is_terminal() => break,
                None => may_type = false,
            },
            _ = second.tick() => room.tend(&network).await,
        }
    }
    // What was typed is said before one leaves.
    drop(say);
    let leave = async {
        let _ = mouth.await;
        room.users.remove(&room.id).await
    };
    let _ = time::timeout(LEAVE_DEADLINE, leave).await;
    network.shutdown(SHUTDOWN_DEADLINE).await?;
    Ok(())
}

/// Gives those who are in the room already a moment to be found: whoever is found first shares the history at once, and
/// whoever begins alone gets it a moment later.
async fn look_around(network: &Network) {
    let mut catalog = network.discovery().catalog_watch();
    let somebody = catalog.wait_for(|catalog| catalog.peers().next().is_some());
    let _ = time::timeout(LOOK_AROUND, somebody).await;
}

/// What one participant sees of the room.
struct Room {
    /// The key of the own entry.
    id: String,
    me: UserInfo,
    users: MapWriter<String, UserInfo>,
    messages: Arc<VecWriter<Message>>,
    /// Who was here when it was last shown.
    here: BTreeMap<String, UserInfo>,
    /// The messages that have been shown.
    shown: HashSet<UniqueId>,
    /// Whom nobody can reach any more, and since when.
    missing: HashMap<String, Instant>,
    /// Whether the others go on, whoever of us is gone.
    outlives_anyone: bool,
}

impl Room {
    fn open(network: &Network, me: UserInfo) -> Self {
        Self {
            id: network.local().id().to_string(),
            me,
            users: collections::Map::writer(network, USERS),
            messages: Arc::new(collections::Vec::writer(network, MESSAGES)),
            here: BTreeMap::new(),
            shown: HashSet::new(),
            missing: HashMap::new(),
            outlives_anyone: false,
        }
    }

    /// Waits until the others' state is here, and is seen by them.
    async fn enter(&self) {
        let online = async {
            self.users.when().online().await;
            self.messages.when().online().await;
        };
        tokio::pin!(online);
        while time::timeout(PATIENCE, &mut online).await.is_err() {
            println!("! still waiting: {}", self.users.status());
        }
        while let Err(error) = self.users.insert(self.id.clone(), self.me.clone()).await {
            println!("! not announced yet: {error}");
            time::sleep(RETRY_PAUSE).await;
        }
    }

    fn welcome(&mut self) {
        self.here = self.users.iter().collect();
        println!("--- {} participant(s) ---", self.here.len());
        for user in self.here.values() {
            println!("  {user}");
        }
        let history: Vec<Message> = self.messages.iter().collect();
        if !history.is_empty() {
            println!("--- {} message(s) in history ---", history.len());
        }
        for message in history {
            println!("{message}");
            self.shown.insert(message.id);
        }
        println!("--- start typing, Ctrl-C to quit ---\n");
    }

    fn show_who_is_here(&mut self) {
        let now: BTreeMap<String, UserInfo> = self.users.iter().collect();
        for (id, user) in &now {
            if !self.here.contains_key(id) && *id != self.id {
                println!("* {user} joined");
            }
        }
        for (id, user) in &self.here {
            if !now.contains_key(id) && *id != self.id {
                println!("* {user} left");
            }
        }
        self.here = now;
    }

    fn show_messages(&mut self) {
        let is_typed = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        for message in self.messages.iter() {
            if !self.shown.insert(message.id) {
                continue;
            }
            if is_typed && message.from == self.me {
                // The line that was typed makes way for the message.
                print!("\x1b[1A\x1b[2K\r");
            }
            println!("{message}");
        }
    }

    /// Says so once enough of us hold everything.
    fn show_what_it_outlives(&mut self) {
        let held = [self.users.status(), self.messages.status()];
        let margins = held.map(|status| status.group.quorum_margin);
        let outlives_anyone = margins.iter().all(|margin| margin >= &Some(1));
        if outlives_anyone && !self.outlives_anyone {
            println!("--- whoever vanishes now, the room stays ---");
        }
        self.outlives_anyone = outlives_anyone;
    }

    /// Keeps the list of participants true: oneself in it, and nobody who is gone without a word.
    async fn tend(&mut self, network: &Network) {
        self.show_what_it_outlives();
        let status = self.users.status();
        if !status.is_online {
            return;
        }
        if !self.users.contains_key(&self.id) {
            let _ = self.users.insert(self.id.clone(), self.me.clone()).await;
        }
        let catalog = network.discovery().catalog();
        // Whoever was killed stays in the catalog for a while, but nobody is connected with them.
        let members = status.group.voters.iter().chain(&status.group.learners);
        let silent: HashSet<PeerId> = members
            .filter(|member| !member.is_bonded)
            .map(|member| member.peer)
            .collect();
        let is_gone = |id: &String| match id.parse::<PeerId>() {
            Ok(peer) => silent.contains(&peer) || catalog.get(&peer).is_none(),
            Err(_) => true,
        };
        let gone: HashSet<String> = self
            .users
            .keys()
            .filter(|id| *id != self.id && is_gone(id))
            .collect();
        self.missing.retain(|id, _| gone.contains(id));
        for id in gone {
            let since = *self.missing.entry(id.clone()).or_insert_with(Instant::now);
            if since.elapsed() >= GONE_AFTER {
                let _ = self.users.remove(&id).await;
            }
        }
    }
}

/// Sends messages in order, each until it is there, or until that cannot be known.
async fn deliver(messages: Arc<VecWriter<Message>>, mut said: mpsc::Receiver<Message>) {
    while let Some(mut message) = said.recv().await {
        loop {
            match messages.push_back(message.clone()).await {
                Ok(_) => break,
                Err(Error::Unknown) => {
                    println!("! perhaps not sent: {message}");
                    break;
                }
                Err(error) if error.is_retryable() => match error.into_value() {
                    Some(returned) => message = returned,
                    None => break,
                },
                Err(error) => {
                    println!("! not sent, {error}: {message}");
                    break;
                }
            }
            time::sleep(RETRY_PAUSE).await;
            messages.when().online().await;
        }
    }
}

/// Lines as they are typed, read by a thread that ends with the program.
fn typed_lines() -> mpsc::Receiver<String> {
    let (typed, lines) = mpsc::channel(LINES_WAITING_MAX);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else {
                break;
            };
            if typed.blocking_send(line.trim().to_owned()).is_err() {
                break;
            }
        }
    });
    lines
}

/// Lines that wait to be read, or to be sent.
const LINES_WAITING_MAX: usize = 256;

/// How long somebody who is there already may take to be found.
const LOOK_AROUND: Duration = Duration::from_millis(1500);

/// How long a start may take before one is told why.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two attempts at the same message.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// How long somebody may be out of reach before the others see them leave.
const GONE_AFTER: Duration = Duration::from_secs(5);

/// A person waits for these.
const LEAVE_DEADLINE: Duration = Duration::from_secs(5);
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(3);
