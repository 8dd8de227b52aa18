//! (to be written)
mod line;
mod request_line;
mod table;
mod html;
mod block;
mod contract;
mod furniture;
mod heading;
