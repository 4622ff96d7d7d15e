//! FTP against servers and clients nobody here wrote.

mod servers;
