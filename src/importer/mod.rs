//! (to be written)
mod line;
mod request_line;
mod html;
mod block;
mod furniture;
mod heading;
