//! The statuses of stacks and of their resources, and what may be done in them.

macro_rules! statuses {
    ($($variant:ident $text:literal),+ $(,)?) => {
        /// The status of a stack or of a resource.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum Status {
            $(#[doc = $text] $variant),+
        }

        impl Status {
            /// Every status.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// As AWS spells it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}

statuses! {
    ReviewInProgress "REVIEW_IN_PROGRESS",
    CreateInProgress "CREATE_IN_PROGRESS",
    CreateComplete "CREATE_COMPLETE",
    CreateFailed "CREATE_FAILED",
    RollbackInProgress "ROLLBACK_IN_PROGRESS",
    RollbackComplete "ROLLBACK_COMPLETE",
    RollbackFailed "ROLLBACK_FAILED",
    UpdateInProgress "UPDATE_IN_PROGRESS",
    UpdateCompleteCleanupInProgress "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    UpdateComplete "UPDATE_COMPLETE",
    UpdateFailed "UPDATE_FAILED",
    UpdateRollbackInProgress "UPDATE_ROLLBACK_IN_PROGRESS",
    UpdateRollbackCompleteCleanupInProgress "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    UpdateRollbackComplete "UPDATE_ROLLBACK_COMPLETE",
    UpdateRollbackFailed "UPDATE_ROLLBACK_FAILED",
    DeleteInProgress "DELETE_IN_PROGRESS",
    DeleteComplete "DELETE_COMPLETE",
    DeleteFailed "DELETE_FAILED",
    DeleteSkipped "DELETE_SKIPPED",
}

impl Status {
    /// Whether an operation is under way.
    #[must_use]
    pub fn is_in_progress(self) -> bool {
        self.as_str().ends_with("IN_PROGRESS")
    }

    /// Whether a stack in this status can be updated.
    #[must_use]
    pub fn is_updatable(self) -> bool {
        matches!(
            self,
            Self::CreateComplete
                | Self::UpdateComplete
                | Self::UpdateRollbackComplete
                | Self::CreateFailed
                | Self::UpdateFailed
        )
    }
}
