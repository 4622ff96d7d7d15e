//! Header codecs and the instant of Fairway's own TCP/IP stack.
