//! longhaul
#![allow(clippy::todo, unused)]
pub mod auth;
pub mod chat;
pub mod chats;
pub mod crash;
pub mod finalizer;
pub mod http;
pub mod message;
pub mod store;
pub mod time;
pub mod upload;
pub mod uploads;
