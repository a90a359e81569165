import Foundation
@_exported import VitalwitnessCore
@_exported import VitalwitnessNames

extension VaultError {
    /// The stable code of a refusal, whatever its kind; `advice(code:)` has words for it.
    public var code: String {
        switch self {
        case .InvalidInput(_, let code), .Locked(let code), .Denied(let code), .NotNow(let code, _), .Device(let code),
            .StorageFull(let code), .RestoreNeeded(let code), .UpdateNeeded(let code), .Internal(let code):
            code
        }
    }
}

extension KeyLimits {
    /// Limits that suit a phone: 10 s for keys that ask nobody, two minutes for a person.
    public static let usual = KeyLimits(quietMs: 10_000, presenceMs: 120_000)
}

extension WallClock {
    /// The clock on the wall of `zone`, from `from` to `to`, for imports and Bluetooth devices.
    public init(
        of zone: TimeZone,
        from: Date = Date(timeIntervalSince1970: 946_684_800),
        to: Date = Date(timeIntervalSinceNow: 366 * 86_400)
    ) {
        var changes: [OffsetChange] = []
        var at = from
        while let next = zone.nextDaylightSavingTimeTransition(after: at), next < to, next > at {
            changes.append(OffsetChange(from: next, offsetMin: zone.offsetMin(at: next)))
            at = next
        }
        self.init(offsetMin: zone.offsetMin(at: from), changes: changes)
    }
}

extension TimeZone {
    /// Minutes east of UTC then.
    public func offsetMin(at date: Date) -> Int16 { Int16(secondsFromGMT(for: date) / 60) }
}

/// Reads what a person typed, at a moment on the clock of `zone`.
public func typedEntry(name: String, text: String, at: Date = Date(), in zone: TimeZone = .current) throws -> NewRecord {
    try typedEntry(name: name, text: text, start: at, offsetMin: zone.offsetMin(at: at))
}

extension Vault {
    /// All records that `query` asks for, page by page: a page is read when it is asked for.
    public func pages(_ query: RecordQuery) -> RecordPages { RecordPages(vault: self, query: query) }

    /// Parts of the vault that are not as they were, as they change. One reader at a time.
    public func changes() -> AsyncStream<[Change]> {
        AsyncStream { told in
            observe(observer: Telling(told))
            told.onTermination = { [weak self] _ in self?.observe(observer: nil) }
        }
    }
}

/// Pages of records; ends at the page after which the task was cancelled.
public struct RecordPages: AsyncSequence, Sendable {
    let vault: Vault
    let query: RecordQuery

    public func makeAsyncIterator() -> Iterator { Iterator(vault: vault, next: query) }

    public struct Iterator: AsyncIteratorProtocol {
        let vault: Vault
        var next: RecordQuery?

        public mutating func next() async throws -> [StoredRecord]? {
            guard let query = next else { return nil }
            try Task.checkCancellation()
            let page = try await vault.records(query: query)
            next = page.next.map { mark in
                var rest = query
                rest.after = mark
                return rest
            }
            return page.records
        }
    }
}

private final class Telling: Observer {
    private let told: AsyncStream<[Change]>.Continuation

    init(_ told: AsyncStream<[Change]>.Continuation) {
        self.told = told
    }

    func changed(changes: [Change]) { told.yield(changes) }
}
