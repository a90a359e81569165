#!/usr/bin/env bash
# What an iOS app stands on: all that is not Apple's runs its tests by Debian's Swift with the real
# library (tests/swift.sh ios); what is Apple's is read for its syntax. Ends with `N passed, N failed`.
exec "$(dirname "$0")/swift.sh" ios
