struct Bank;

fn join(network: &mosaik::Network) {
    let _ = network.groups().with_key("bank").with_state_machine(Bank);
}

fn main() {}
