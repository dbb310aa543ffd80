//! Receipt handles: opaque to callers, to us the queue, the message and which receive of it they belong to.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::error::SqsError;

/// What a receipt handle stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The queue's number in this endpoint.
    pub queue: u64,
    /// The message's number in its queue.
    pub message: u64,
    /// How often the message had been received, this receive included.
    pub receive: u32,
}

/// First byte of every handle, so that chance texts are told apart.
const MARK: u8 = 0xA7;

impl Receipt {
    /// The handle as callers see it.
    pub fn handle(self) -> String {
        let mut bytes = [0_u8; 21];
        bytes[0] = MARK;
        bytes[1..9].copy_from_slice(&self.queue.to_be_bytes());
        bytes[9..17].copy_from_slice(&self.message.to_be_bytes());
        bytes[17..].copy_from_slice(&self.receive.to_be_bytes());
        STANDARD.encode(bytes)
    }

    /// Reads a handle of the queue with that number.
    ///
    /// # Errors
    /// `ReceiptHandleIsInvalid` when it is none of ours or another queue's.
    pub fn parse(handle: &str, queue: u64) -> Result<Self, SqsError> {
        let bytes = STANDARD.decode(handle).map_err(|_| SqsError::ReceiptHandleIsInvalid)?;
        let bytes: [u8; 21] = bytes.try_into().map_err(|_| SqsError::ReceiptHandleIsInvalid)?;
        let [mark, rest @ ..] = bytes;
        let number = |range: std::ops::Range<usize>| {
            rest[range].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
        };
        let receive = u32::try_from(number(16..20)).map_err(|_| SqsError::ReceiptHandleIsInvalid)?;
        let receipt = Self { queue: number(0..8), message: number(8..16), receive };
        if mark == MARK && receipt.queue == queue { Ok(receipt) } else { Err(SqsError::ReceiptHandleIsInvalid) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_names_its_queue_message_and_receive() {
        let receipt = Receipt { queue: 3, message: u64::MAX - 1, receive: 7 };
        assert_eq!(Receipt::parse(&receipt.handle(), 3), Ok(receipt));
        assert_eq!(Receipt::parse(&receipt.handle(), 4), Err(SqsError::ReceiptHandleIsInvalid));
        for handle in ["", "x", "AAAA", "!!", "cGxhaW4gdGV4dCBvZiAyMSBieXRlcw=="] {
            assert_eq!(Receipt::parse(handle, 3), Err(SqsError::ReceiptHandleIsInvalid), "{handle}");
        }
    }
}
