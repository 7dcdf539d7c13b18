//! Rules are part of what a group is: members with other rules are in another group.

use mosaik::{
    GroupKey,
    collections::{CollectionConfig, Map},
    groups::{Group, NoOp},
    tickets::{EdDsaSigningKey, TicketValidator},
};

use super::*;

fn join(network: &Network, rules: Vec<Jwt>) -> Group<NoOp> {
    let builder = network.groups().with_key("identity");
    rules
        .into_iter()
        .fold(builder, |builder, rule| builder.require_ticket(rule))
        .join()
}

fn write(network: &Network, rules: Vec<Jwt>) -> Map<u64, u64> {
    let config = CollectionConfig::default();
    let add = |config: CollectionConfig, rule| config.require_ticket(rule);
    let config = rules.into_iter().fold(config, add);
    Map::writer_with_config(network, "identity", config)
}

fn of_traders() -> Jwt {
    rule().require_claim("role", "trader")
}

#[tokio::test(start_paused = true)]
async fn rules_and_their_order_are_in_the_id_of_a_group() {
    let world = World::new(1);
    let [one, other] = world.nodes().await;
    let sets = || {
        vec![
            vec![],
            vec![rule()],
            vec![of_traders()],
            vec![rule(), of_traders()],
            vec![of_traders(), rule()],
            vec![rule(), rule()],
            vec![rule().allow_issuer("another")],
            vec![rule().add_key(EdDsaSigningKey::from_bytes([3; 32]).verifying_key())],
            vec![rule().max_age(Duration::from_secs(60))],
        ]
    };
    let groups: Vec<Digest> = sets()
        .into_iter()
        .map(|set| *join(&one, set).id())
        .collect();
    let stores: Vec<Digest> = sets()
        .into_iter()
        .map(|set| *write(&one, set).group_id())
        .collect();
    for ids in [&groups, &stores] {
        for (index, id) in ids.iter().enumerate() {
            assert!(!ids[..index].contains(id), "set {index} is another one's");
        }
    }
    // Equal rules are equal everywhere.
    let again: Vec<Digest> = sets()
        .into_iter()
        .map(|set| *join(&other, set).id())
        .collect();
    assert_eq!(again, groups);
}

#[tokio::test(start_paused = true)]
async fn members_with_other_rules_never_meet() {
    let world = World::new(2);
    let [one, other] = world.nodes().await;
    // Tickets that satisfy both.
    for node in [&one, &other] {
        let good = builder().claim("role", "trader");
        let good = good.build(&node.local().id(), world.after(600_000));
        node.discovery().add_ticket(good);
    }
    let (strict, lax) = (join(&one, vec![of_traders()]), join(&other, vec![rule()]));
    let met = || strict.status().bonds_count + lax.status().bonds_count > 0;
    assert_eq!(when(30 * SECOND, met).await, None);
    let same = join(&other, vec![of_traders()]);
    let met = || same.bonds().contains_peer(&one.local().id());
    assert!(when(5 * SECOND, met).await.is_some());
}

#[test]
fn a_rule_can_be_the_key() {
    let key = GroupKey::from(&rule());
    assert_eq!(key.secret(), GroupKey::from(&rule()).secret());
    assert_eq!(key.secret(), GroupKey::new(rule().signature()).secret());
    assert_ne!(key.secret(), GroupKey::from(&of_traders()).secret());
    // Rotating keys is another rule: members with the new set are in another group.
    let rotated = rule().add_key(Hs256::new([8; 32]));
    assert_ne!(key.secret(), GroupKey::from(&rotated).secret());
}
