//! (to be written)
mod line;
mod request_line;
mod html;
mod furniture;
mod heading;
