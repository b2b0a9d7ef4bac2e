//! Packets from shard to shard: what the queues between them cost, without the forwarding.
//!
//! Two threads, each on a core of its own, pass the same 1,024 packets to and fro in batches of 32. In the wall time of a round each packet
//! is handed over twice; time is per hand-over, with both cores busy. `channel` takes the batches that are
//! there and sends them on: the channel alone.
//! `queues` takes every packet out and puts it into the outbox, as shards do; `queues_and_headers` looks at the bytes of each too.

use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use crossbeam_channel::{Receiver, Sender, bounded};
use dataplane::Packet;
use dataplane::packet::Envelope;
use dataplane::pipeline::{InFlight, Position};
use dataplane::time::SimTime;
use engine::forward::exchange::{BATCH, Exchange, between};
use engine::forward::pin;
use model::NicId;

/// Packets on their way at a time: as many as four bursts.
const PACKETS: usize = 1024;

fn packets() -> Vec<InFlight> {
    let packet = |port| {
        let envelope = Envelope::new([10, 1, 0, 4].into(), [10, 2, 0, 4].into());
        let packet = Packet::udp(envelope, port, 443, &[0; 22]).expect("a short datagram");
        let position = Position::Leaving(NicId::new(0));
        InFlight { position, packet }
    };
    let ports = 0..u16::try_from(PACKETS).expect("few");
    ports.map(packet).collect()
}

/// Runs the two ends at once; the time of the first.
fn at_once(near: impl FnOnce() + Send, far: impl FnOnce() + Send) -> Duration {
    let barrier = Barrier::new(2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            pin(1);
            barrier.wait();
            far();
        });
        // A thread of its own too: what is pinned would pin the threads that it starts.
        let near = scope.spawn(|| {
            pin(0);
            barrier.wait();
            let start = Instant::now();
            near();
            start.elapsed()
        });
        near.join().expect("no end panics")
    })
}

/// Passes on what comes until as many packets as wanted have been taken; looks at the header of each if `reads`.
fn pass_on(exchange: &mut Exchange, other: u32, wanted: usize, reads: bool) {
    let (entered, now) = (Instant::now(), SimTime::ZERO);
    let mut taken = 0;
    while taken < wanted {
        while let Some(mut batch) = exchange.receive() {
            taken += batch.packets.len();
            for packet in batch.packets.drain(..) {
                if reads {
                    black_box(packet.packet.ttl());
                }
                exchange.push(other, packet, entered, now);
            }
            exchange.recycle(batch);
            exchange.flush();
        }
        exchange.flush();
        std::hint::spin_loop();
    }
}

fn through_queues(rounds: usize, reads: bool) -> Duration {
    let mut ends = between(2, 2 * PACKETS / BATCH, PACKETS);
    let (mut far, mut near) = (ends.pop().expect("two"), ends.pop().expect("two"));
    let (entered, now) = (Instant::now(), SimTime::ZERO);
    for packet in packets() {
        near.push(1, packet, entered, now);
    }
    let wanted = rounds * PACKETS;
    at_once(
        || {
            near.flush();
            pass_on(&mut near, 1, wanted, reads);
        },
        || pass_on(&mut far, 0, wanted, reads),
    )
}

/// Passes batches on as they are: takes what there is and sends it, as a shard does between its bursts.
fn relay(incoming: &Receiver<Vec<InFlight>>, outgoing: &Sender<Vec<InFlight>>, wanted: usize) {
    let mut taken = 0;
    let mut held = Vec::with_capacity(PACKETS / BATCH);
    while taken < wanted {
        held.extend(incoming.try_iter());
        for batch in held.drain(..) {
            taken += batch.len();
            // There is room for all; the other end may have had enough.
            let _ = outgoing.try_send(batch);
        }
        std::hint::spin_loop();
    }
}

fn through_channel(rounds: usize) -> Duration {
    let (there, far_end) = bounded(PACKETS / BATCH);
    let (back, near_end) = bounded(PACKETS / BATCH);
    let mut left = packets();
    while !left.is_empty() {
        let rest = left.split_off(BATCH);
        there.send(left).expect("room for all");
        left = rest;
    }
    let wanted = rounds * PACKETS;
    at_once(
        || relay(&near_end, &there, wanted),
        || relay(&far_end, &back, wanted),
    )
}

fn hand_over(criterion: &mut Criterion) {
    let rounds = |rounds: u64| usize::try_from(rounds).expect("few rounds");
    let mut group = criterion.benchmark_group("hand_over");
    group.throughput(Throughput::Elements(2 * PACKETS as u64));
    group.bench_function("channel", |bencher| {
        bencher.iter_custom(|count| through_channel(rounds(count)));
    });
    for (name, reads) in [("queues", false), ("queues_and_headers", true)] {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|count| through_queues(rounds(count), reads));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = hand_over
}
criterion_main!(benches);
