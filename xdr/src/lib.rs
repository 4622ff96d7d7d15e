//! XDR (RFC 4506): exact, bounded and fast encoding and decoding.
