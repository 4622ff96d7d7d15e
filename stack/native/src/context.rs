//! What TCP is lent of its host, written once: the parts are borrowed side by side.

/// `tcp_context!(self)`: the [`Context`](crate::tcp::Context) of a call from [`Stack`](crate::stack::Stack).
macro_rules! tcp_context {
    ($stack:ident) => {
        crate::tcp::Context {
            now: $stack.now,
            config: &$stack.config.tcp,
            limits: &$stack.limits.tcp,
            events: &mut $stack.events,
            rng: &mut $stack.tcp_rng,
            paths: &$stack.routing,
        }
    };
}
