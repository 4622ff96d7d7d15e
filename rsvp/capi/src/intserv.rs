//! The Integrated Services format of C809: the octets of RFC 2210, with all numbers in the machine's order.

/// Which order the numbers come in.
#[derive(Clone, Copy, Debug)]
enum Order {
    Machine,
    Network,
}

/// The body of an RSVP object (network order) for one of a program (machine's order).
pub(crate) fn to_wire(body: &[u8]) -> Option<Vec<u8>> {
    turned(body, Order::Machine)
}

/// And the other way.
pub(crate) fn from_wire(body: &[u8]) -> Option<Vec<u8>> {
    turned(body, Order::Network)
}

/// Walks over the three nested headers and turns every number round. `None`: a length goes beyond what there is.
fn turned(body: &[u8], order: Order) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(body.len());
    let (length, rest) = header(body, order, &mut out)?;
    let mut services = rest.get(..length)?;
    while !services.is_empty() {
        let (length, rest) = header(services, order, &mut out)?;
        let (mut parameters, after) = rest.split_at_checked(length)?;
        while !parameters.is_empty() {
            let (length, rest) = header(parameters, order, &mut out)?;
            let (words, after) = rest.split_at_checked(length)?;
            for word in words.as_chunks::<4>().0 {
                let [a, b, c, d] = *word;
                out.extend_from_slice(&if cfg!(target_endian = "little") {
                    [d, c, b, a]
                } else {
                    *word
                });
            }
            parameters = after;
        }
        services = after;
    }
    Some(out)
}

/// Turns a header round; gives its length in octets, and what is behind it.
fn header<'a>(octets: &'a [u8], order: Order, out: &mut Vec<u8>) -> Option<(usize, &'a [u8])> {
    let (&[number, flags, l0, l1], rest) = octets.split_first_chunk::<4>()?;
    let (words, written) = match order {
        Order::Machine => {
            let words = u16::from_ne_bytes([l0, l1]);
            (words, words.to_be_bytes())
        }
        Order::Network => {
            let words = u16::from_be_bytes([l0, l1]);
            (words, words.to_ne_bytes())
        }
    };
    out.extend_from_slice(&[number, flags]);
    out.extend_from_slice(&written);
    Some((usize::from(words) * 4, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use fairway_rsvp::intserv::{Adspec, Bandwidth, Flowspec, Tspec};

    /// rapi.md §3.1: byte order.
    #[test]
    fn what_is_turned_twice_is_as_it_was() {
        let tspec = Tspec::new(125e3, 10e3, 250e3, 64, 1500).unwrap();
        let flowspec = Flowspec::guaranteed(tspec, 200e3, 17).unwrap();
        let adspec = Adspec::of_link(Bandwidth::new(1.25e6).unwrap(), 1500)
            .with_guaranteed(true)
            .with_controlled_load(true);
        for wire in [
            tspec.to_object().0.body().clone(),
            flowspec.to_object().0.body().clone(),
            adspec.to_object().0.body().clone(),
        ] {
            let machine = from_wire(&wire).unwrap();
            assert_eq!(to_wire(&machine).unwrap(), wire);
            for len in 0..machine.len() {
                assert_eq!(to_wire(&machine[..len]), None, "{len} octets");
            }
        }
    }

    #[test]
    fn numbers_are_the_machines() {
        let tspec = Tspec::new(125e3, 10e3, 250e3, 64, 1500).unwrap();
        let machine = from_wire(tspec.to_object().0.body()).unwrap();
        let words: Vec<[u8; 4]> = machine.as_chunks::<4>().0.to_vec();
        assert_eq!(f32::from_ne_bytes(words[3]), 125e3);
        assert_eq!(u32::from_ne_bytes(words[7]), 1500);
    }
}
