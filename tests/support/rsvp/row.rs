//! Three routers between two hosts.

use std::net::Ipv4Addr;

use super::Machine;

/// What the link between the first two routers carries, in bits per second; the others carry five times that.
pub const BOTTLENECK_BITS: u32 = 20_000_000;

/// `sender – r1 ══ r2 – r3 – receiver`, with the bottleneck between r1 and r2.
///
/// Link *n* is 10.0.*n*.0/24 and fd00:*n*::/64, its ends `right` and `left`, 1 and 2. Links to the left are reached by the left
/// neighbour, those to the right by the right one.
#[derive(Debug)]
pub struct Row {
    /// The machines, from left to right.
    pub machines: [Machine; 5],
}

impl Row {
    /// The machines and routes between them; no daemons.
    #[must_use]
    pub fn new() -> Self {
        let machines = [(); 5].map(|()| Machine::new());
        for (link, (one, other)) in machines.iter().zip(machines.iter().skip(1)).enumerate() {
            let [here, there] = [1, 2].map(|host| format!("10.0.{link}.{host}/24"));
            one.connect(("right", &here), other, ("left", &there));
            for (machine, name, host) in [(one, "right", 1), (other, "left", 2)] {
                let address = format!("fd00:{link}::{host}/64");
                machine.run(&format!("ip address add {address} dev {name} nodad"));
            }
        }
        for (at, machine) in machines.iter().enumerate() {
            if (1..4).contains(&at) {
                machine.forward();
            }
            for link in 0..4 {
                let (near, host) = match link {
                    _ if link + 1 < at => (at - 1, 1),
                    _ if link > at => (at, 2),
                    _ => continue,
                };
                machine.run(&format!(
                    "ip route add 10.0.{link}.0/24 via 10.0.{near}.{host}"
                ));
                machine.run(&format!(
                    "ip route add fd00:{link}::/64 via fd00:{near}::{host}"
                ));
            }
        }
        Self { machines }
    }

    /// Starts all daemons. `defaults` goes into the table of that name.
    pub fn start(&mut self, defaults: &str) {
        for at in 0..5 {
            self.start_one(at, defaults);
        }
    }

    /// Starts one daemon.
    pub fn start_one(&mut self, at: usize, defaults: &str) {
        let fast = 5 * BOTTLENECK_BITS;
        let mut text = format!("[defaults]\nbandwidth = \"{fast}bit/s\"\n{defaults}\n");
        if at == 1 {
            text += &format!("[interface.right]\nbandwidth = \"{BOTTLENECK_BITS}bit/s\"\n");
        }
        if let Some(machine) = self.machines.get_mut(at) {
            machine.start(&text);
        }
    }

    /// The host that sends.
    #[must_use]
    pub const fn sender(&self) -> &Machine {
        let [sender, ..] = &self.machines;
        sender
    }

    /// The host that receives.
    #[must_use]
    pub const fn receiver(&self) -> &Machine {
        let [.., receiver] = &self.machines;
        receiver
    }

    /// The routers.
    #[must_use]
    pub fn routers(&self) -> &[Machine] {
        let [_, routers @ .., _] = &self.machines;
        routers
    }

    /// The sender's address.
    pub const SENDER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
    /// The receiver's address.
    pub const RECEIVER: Ipv4Addr = Ipv4Addr::new(10, 0, 3, 2);
}

impl Default for Row {
    fn default() -> Self {
        Self::new()
    }
}
