# Sourced by what builds the library for an app: what makes it small and is no matter of Rust.

# of SQLite the vault uses tables and queries: no full text, no extensions that a file could ask for
export LIBSQLITE3_FLAGS="-USQLITE_ENABLE_FTS3 -USQLITE_ENABLE_FTS3_PARENTHESIS -USQLITE_ENABLE_FTS5 -USQLITE_ENABLE_RTREE
  -USQLITE_ENABLE_DBSTAT_VTAB -USQLITE_ENABLE_LOAD_EXTENSION -DSQLITE_OMIT_LOAD_EXTENSION"
# no panic passes through C
export CFLAGS="${CFLAGS:-} -fno-asynchronous-unwind-tables -fno-unwind-tables"
# alike functions once (lld)
small_links="-C link-arg=-Wl,--icf=all"
