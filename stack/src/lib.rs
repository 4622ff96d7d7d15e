//! One asynchronous socket layer over the system's TCP/IP stack and our own.
