import Foundation
import Vitalwitness

/// A page of what changed since a mark.
public struct HealthPage: Sendable {
    public var samples: [HealthSample]
    /// How many were deleted there.
    public var deleted: Int
    /// The mark behind this page: the store's own, which says nothing about the person.
    public var mark: Data

    public init(samples: [HealthSample], deleted: Int, mark: Data) {
        self.samples = samples
        self.deleted = deleted
        self.mark = mark
    }
}

/// The phone's store of health data: HealthKit.
public protocol HealthSource: Sendable {
    /// Up to `limit` changes of a type after a mark, oldest first; without a mark, from the beginning. An
    /// empty page: that is all. What the person does not let this app read is empty, and nobody is told.
    func page(of type: String, after mark: Data?, limit: Int) async throws -> HealthPage
}

/// What a reading brought.
public struct HealthReading: Equatable, Sendable {
    /// Records that are new in the vault.
    public var added: UInt64 = 0
    /// Records the vault had already.
    public var known: UInt64 = 0
    /// Samples that were deleted there. They stay here: the person takes back what they want taken back.
    public var deletedThere = 0
    /// The stable code that ended it early; what came before stays, and the next reading goes on from there.
    public var ended: String?
}

/// Reads the person's samples out of the phone's store into the vault, where they are of origin
/// `vendorFile`: first all, later what changed, each record once.
///
/// They pass through a file in `folder`, of one page at most, that is deleted at once.
public final class HealthReader: Sendable {
    private let source: any HealthSource
    private let marks: HealthMarks
    private let folder: URL
    private let size: Int

    public init(_ source: any HealthSource, marks: URL, folder: URL, page: Int = 1_000) {
        self.source = source
        self.marks = HealthMarks(marks)
        self.folder = folder
        size = page
    }

    /// Reads what is new into `vault`. Cancel the task at any moment; what was read by then is not read again.
    public func read(
        into vault: Vault, types: [String] = healthTypes, zone: TimeZone = .current
    ) async throws -> HealthReading {
        var reading = HealthReading()
        for type in types where reading.ended == nil {
            var mark = try marks[type]
            while reading.ended == nil {
                try Task.checkCancellation()
                let page = try await source.page(of: type, after: mark, limit: size)
                if page.samples.isEmpty && page.deleted == 0 { break }
                reading.deletedThere += page.deleted
                try await give(vault, page.samples, zone, &reading)
                if reading.ended != nil { break }
                // after the records are durable: cut off in between, they are read again, and known
                try marks.set(type, page.mark)
                mark = page.mark
            }
        }
        return reading
    }

    /// The next reading begins anew; what the vault has is known.
    public func forget() throws { try marks.forget() }

    private func give(_ vault: Vault, _ samples: [HealthSample], _ zone: TimeZone, _ reading: inout HealthReading) async throws {
        if samples.isEmpty { return }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = folder.appendingPathComponent("read-\(UUID()).xml")
        defer { try? FileManager.default.removeItem(at: file) }
        try protected(Data(healthXml(samples, in: zone).utf8), file)
        let report = try await vault.importFile(file: file.path, wall: WallClock(of: zone), progress: nil, stop: nil)
        reading.added += report.added
        reading.known += report.duplicates
        switch report.end {
        case .complete: break
        case .stopped: reading.ended = "stopped"
        case .failed(let code): reading.ended = code
        }
    }
}

/// Up to where each type was read.
final class HealthMarks: Sendable {
    private let file: URL
    private let turn = Locked(())

    init(_ file: URL) {
        self.file = file
    }

    subscript(type: String) -> Data? {
        get throws { try turn.with { _ in try all()[type] } }
    }

    func set(_ type: String, _ mark: Data) throws {
        try turn.with { _ in
            var marks = try all()
            marks[type] = mark
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try JSONEncoder().encode(marks).write(to: file, options: .atomic)
        }
    }

    func forget() throws {
        try turn.with { _ in
            if FileManager.default.fileExists(atPath: file.path) { try FileManager.default.removeItem(at: file) }
        }
    }

    private func all() throws -> [String: Data] {
        guard FileManager.default.fileExists(atPath: file.path) else { return [:] }
        // damaged: everything is read anew, and known
        return (try? JSONDecoder().decode([String: Data].self, from: Data(contentsOf: file))) ?? [:]
    }
}

private func protected(_ bytes: Data, _ file: URL) throws {
    #if os(iOS)
        try bytes.write(to: file, options: .completeFileProtectionUnlessOpen)
    #else
        try bytes.write(to: file)
    #endif
}
