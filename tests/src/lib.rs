//! Empty: this package has test binaries only.
