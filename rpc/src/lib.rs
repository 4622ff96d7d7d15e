//! ONC RPC (RFC 5531): asynchronous client and server.
