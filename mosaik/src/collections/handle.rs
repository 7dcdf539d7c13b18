//! What the handles of all collections have in common, written once.

/// Whether handles of a role may write.
#[doc(hidden)]
#[derive(Debug)]
pub struct Access<const IS_WRITER: bool>;

/// Roles that may write.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a reader of a collection cannot write",
    label = "this handle is a reader",
    note = "open the collection with `writer` (or `online_writer`, or the `WriterOf` type) to change it"
)]
pub trait Writes {}

impl Writes for Access<true> {}

/// Gives a handle everything but its own reads and writes. The handle is a tuple of one [`Replica`](super::Replica).
macro_rules! handle {
    ([$($bounds:tt)*] $name:ident [$($args:tt)*] = $structure:ty) => {
        impl<$($bounds)*> $name<$($args)*> {
            /// Opens the store for writing, with default settings.
            ///
            /// Returns at once, and needs a Tokio runtime. Stores that are open on this node already, for reading or
            /// writing, share one replica.
            pub fn writer(network: &$crate::network::Network, store_id: impl Into<$crate::collections::StoreId>) -> Self {
                Self::writer_with_config(network, store_id, $crate::collections::CollectionConfig::default())
            }

            /// Opens the store for writing. Takes a [`CollectionConfig`](super::CollectionConfig) or a
            /// [`SyncConfig`](super::SyncConfig).
            pub fn writer_with_config(
                network: &$crate::network::Network,
                store_id: impl Into<$crate::collections::StoreId>,
                config: impl Into<$crate::collections::CollectionConfig>,
            ) -> Self {
                Self($crate::collections::replica::Replica::open(network, store_id.into(), true, config.into()))
            }

            /// The same as [`writer`](Self::writer).
            pub fn new(network: &$crate::network::Network, store_id: impl Into<$crate::collections::StoreId>) -> Self {
                Self::writer(network, store_id)
            }

            /// The same as [`writer_with_config`](Self::writer_with_config).
            pub fn new_with_config(
                network: &$crate::network::Network,
                store_id: impl Into<$crate::collections::StoreId>,
                config: impl Into<$crate::collections::CollectionConfig>,
            ) -> Self {
                Self::writer_with_config(network, store_id, config)
            }
        }

        impl<$($bounds)*, const IS_WRITER: bool> $name<$($args)*, IS_WRITER> {
            /// Opens the store for reading, with default settings.
            ///
            /// Returns at once, and needs a Tokio runtime. A reader follows writers, and begins nothing on its own.
            pub fn reader(
                network: &$crate::network::Network,
                store_id: impl Into<$crate::collections::StoreId>,
            ) -> $name<$($args)*, false> {
                Self::reader_with_config(network, store_id, $crate::collections::CollectionConfig::default())
            }

            /// Opens the store for reading. Takes a [`CollectionConfig`](super::CollectionConfig) or a
            /// [`SyncConfig`](super::SyncConfig).
            pub fn reader_with_config(
                network: &$crate::network::Network,
                store_id: impl Into<$crate::collections::StoreId>,
                config: impl Into<$crate::collections::CollectionConfig>,
            ) -> $name<$($args)*, false> {
                $name($crate::collections::replica::Replica::open(network, store_id.into(), false, config.into()))
            }

            /// Waiting for what happens to the collection here.
            pub const fn when(&self) -> &$crate::collections::When {
                self.0.when()
            }

            /// The last write that is visible here.
            pub fn version(&self) -> $crate::collections::Version {
                self.0.version()
            }

            /// The id of the group that replicates the collection.
            pub fn group_id(&self) -> &$crate::groups::GroupId {
                self.0.group_id()
            }

            /// How the collection is doing here, and if it is not online, why, and what can be done.
            pub fn status(&self) -> $crate::collections::Status {
                self.0.status()
            }

            /// The collection as it is here and now, which never changes and has the same reads.
            pub fn snapshot(&self) -> $crate::collections::Snapshot<$structure> {
                self.0.latest()
            }

            /// Waits until everything that was acknowledged to anybody before this call is visible here.
            ///
            /// Reads are of what is here, which may be outdated; a read after this one is not. Takes a round to the
            /// leader.
            pub fn sync(&self) -> impl Future<
                Output = Result<$crate::collections::Version, $crate::collections::Error<()>>,
            > + Send + Sync + 'static {
                self.0.sync()
            }

            /// A digest of everything in the collection: replicas at equal versions have equal digests. Takes time
            /// with the length.
            pub fn state_digest(&self) -> $crate::primitives::Digest {
                self.0.latest().state_digest()
            }

            /// What changes from now on.
            pub fn changes(&self) -> $crate::collections::Changes<
                <$structure as $crate::collections::structure::Structure>::Change,
            > {
                self.0.changes(None)
            }

            /// What changed after a version, and from now on. Where this node does not know what changed, the stream
            /// says so.
            pub fn changes_since(&self, version: $crate::collections::Version) -> $crate::collections::Changes<
                <$structure as $crate::collections::structure::Structure>::Change,
            > {
                self.0.changes(Some(version))
            }
        }

        impl<$($bounds)*, const IS_WRITER: bool> $crate::collections::Opened for $name<$($args)*, IS_WRITER> {
            fn when(&self) -> &$crate::collections::When {
                self.0.when()
            }
        }

        impl<$($bounds)*, const IS_WRITER: bool> $crate::collections::CollectionFromDef
            for $name<$($args)*, IS_WRITER>
        {
            type Reader = $name<$($args)*, false>;
            type Writer = $name<$($args)*, true>;

            fn reader_with_config(
                network: &$crate::network::Network,
                store_id: $crate::collections::StoreId,
                config: $crate::collections::CollectionConfig,
            ) -> Self::Reader {
                $name::<$($args)*, false>::reader_with_config(network, store_id, config)
            }

            fn writer_with_config(
                network: &$crate::network::Network,
                store_id: $crate::collections::StoreId,
                config: $crate::collections::CollectionConfig,
            ) -> Self::Writer {
                $name::<$($args)*, true>::writer_with_config(network, store_id, config)
            }
        }

        $crate::collections::handle::mutators! { [$($bounds)*] $name [$($args)*] {
            /// Makes several writes at once: they take effect together or not at all, in one version.
            fn update(
                &self,
                fill: impl FnOnce(&mut $crate::collections::Batch<$structure>),
            ) -> ($crate::collections::Version, $crate::collections::Batch<$structure>) {
                let mut batch = $crate::collections::Batch::new();
                fill(&mut batch);
                self.0.update(batch)
            }

            /// Makes the writes of a batch that was given back.
            fn commit(
                &self,
                batch: $crate::collections::Batch<$structure>,
            ) -> ($crate::collections::Version, $crate::collections::Batch<$structure>) {
                self.0.update(batch)
            }
        }}
    };
}
pub(super) use handle;

/// Gives writers methods that start a write at once, and return a future that only waits for it.
///
/// `-> (Output, Payload)` is what the future gives, and what an error gives back.
macro_rules! mutators {
    ([$($bounds:tt)*] $name:ident [$($args:tt)*] {$(
        $(#[$meta:meta])*
        fn $method:ident $([$($generics:tt)*])? (&$self:ident $(, $arg:ident: $type:ty)* $(,)?)
            -> ($output:ty, $payload:ty) $body:block
    )*}) => {
        impl<$($bounds)*, const IS_WRITER: bool> $name<$($args)*, IS_WRITER> {$(
            $(#[$meta])*
            ///
            /// The write is on its way when this returns, in the order of calls; the future resolves when it is
            /// visible here, and may be dropped.
            pub fn $method $(<$($generics)*>)? (&$self $(, $arg: $type)*)
                -> impl Future<Output = Result<$output, $crate::collections::Error<$payload>>> + Send + Sync + 'static
            where
                $crate::collections::handle::Access<IS_WRITER>: $crate::collections::handle::Writes,
            $body
        )*}
    };
}
pub(super) use mutators;

/// Gives handles and snapshots of a collection the same reads, each of a moment: handles look at the state in place.
macro_rules! reads {
    ($($all:tt)*) => {
        $crate::collections::handle::reads_by! { read $($all)* }
    };
}
pub(super) use reads;

/// As [`reads`], for what takes time with the length: no write waits for it.
macro_rules! scans {
    ($($all:tt)*) => {
        $crate::collections::handle::reads_by! { scan $($all)* }
    };
}
pub(super) use scans;

macro_rules! reads_by {
    ($by:ident [$($bounds:tt)*] $name:ident [$($args:tt)*] = $structure:ty {$(
        $(#[$meta:meta])*
        fn $method:ident $([$($generics:tt)*])? ($($arg:ident: $type:ty),*) -> $output:ty
            $(where [$($clause:tt)*])? |$state:ident| $body:block
    )*}) => {
        impl<$($bounds)*, const IS_WRITER: bool> $name<$($args)*, IS_WRITER> {$(
            $(#[$meta])*
            pub fn $method $(<$($generics)*>)? (&self $(, $arg: $type)*) -> $output
            $(where $($clause)*)?
            {
                self.0.$by(|$state| $body)
            }
        )*}

        impl<$($bounds)*> $crate::collections::Snapshot<$structure> {$(
            $(#[$meta])*
            pub fn $method $(<$($generics)*>)? (&self $(, $arg: $type)*) -> $output
            $(where $($clause)*)?
            {
                let $state = self.state();
                $body
            }
        )*}
    };
}
pub(super) use reads_by;
