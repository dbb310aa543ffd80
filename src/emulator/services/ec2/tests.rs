//! EC2 through the fabric.
