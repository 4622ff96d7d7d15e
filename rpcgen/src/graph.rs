//! Strongly connected components (Tarjan), without recursion.

/// The components of a graph given as lists of successors: each after all that it leads to.
pub(crate) fn components(successors: &[Vec<usize>]) -> Vec<Vec<usize>> {
    const NEW: usize = usize::MAX;
    let count = successors.len();
    let mut index = vec![NEW; count];
    let mut low = vec![0; count];
    let mut on_stack = vec![false; count];
    let mut stack = Vec::new();
    let mut found = Vec::new();
    let mut next = 0;
    for root in 0..count {
        if index[root] != NEW {
            continue;
        }
        // Node and how many of its successors were looked at.
        let mut walk = vec![(root, 0)];
        while let Some((node, looked)) = walk.last_mut() {
            let node = *node;
            if *looked == 0 && index[node] == NEW {
                index[node] = next;
                low[node] = next;
                next += 1;
                stack.push(node);
                on_stack[node] = true;
            }
            if let Some(&to) = successors[node].get(*looked) {
                *looked += 1;
                if index[to] == NEW {
                    walk.push((to, 0));
                } else if on_stack[to] {
                    low[node] = low[node].min(index[to]);
                }
                continue;
            }
            walk.pop();
            if let Some((parent, _)) = walk.last() {
                low[*parent] = low[*parent].min(low[node]);
            }
            if low[node] == index[node] {
                let mut component = Vec::new();
                while let Some(member) = stack.pop() {
                    on_stack[member] = false;
                    component.push(member);
                    if member == node {
                        break;
                    }
                }
                found.push(component);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::components;

    #[test]
    fn circles_are_components_and_come_after_what_they_lead_to() {
        let found = components(&[vec![1], vec![2], vec![1, 3], vec![], vec![4, 0]]);
        assert_eq!(found, [vec![3], vec![2, 1], vec![0], vec![4]]);
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let chain: Vec<Vec<usize>> = (0..200_000_usize)
            .map(|at| if at == 199_999 { vec![] } else { vec![at + 1] })
            .collect();
        assert_eq!(components(&chain).len(), 200_000);
    }
}
