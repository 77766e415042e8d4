//! Folders as kills, other processes and bad disks leave them.
