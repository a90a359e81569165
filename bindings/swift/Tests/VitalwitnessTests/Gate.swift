/// Waits until this task is cancelled.
func untilCancelled() async {
    for await _ in AsyncStream<Never>.makeStream().stream {}
}

/// Shut until it is opened; who waits at it does not listen to anything else.
final class Gate: Sendable {
    private let state = Guarded((open: false, waiting: [CheckedContinuation<Void, Never>]()))

    @Sendable func open() {
        let waiting = state.with { state in
            state.open = true
            defer { state.waiting = [] }
            return state.waiting
        }
        waiting.forEach { $0.resume() }
    }

    func passed() async {
        await withCheckedContinuation { waits in
            let open = state.with { state in
                if !state.open { state.waiting.append(waits) }
                return state.open
            }
            if open { waits.resume() }
        }
    }
}
