import Foundation
import Testing
import Vitalwitness

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Where `tests/swift.sh` put the repository, the programs and what was generated.
let repository = "/vw/root"
let programs = "/vw/programs"
let generated = "/vw/package/Sources/VitalwitnessCore/VitalwitnessCore.swift"

let utc = TimeZone.gmt
let limits = KeyLimits(quietMs: 10_000, presenceMs: 20_000)
let heartRate = "loinc|8867-4"

/// A folder that goes with the test.
func inFolder(_ work: (String) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("vw-\(UUID())").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await work(folder)
}

/// Runs `work`, which must be refused with `code`; returns the refusal.
@discardableResult
func refused(
    with code: String, at place: SourceLocation = #_sourceLocation, _ work: () async throws -> Any?
) async throws -> VaultError {
    do {
        _ = try await work()
    } catch let refusal as VaultError {
        #expect(refusal.code == code, sourceLocation: place)
        return refusal
    }
    Issue.record("was not refused with \(code)", sourceLocation: place)
    throw Unexpected()
}

struct Unexpected: Error {}

/// What is there; the test ends when it is not.
func given<T>(_ value: T?, _ why: String = "", at place: SourceLocation = #_sourceLocation) throws -> T {
    guard let value else {
        Issue.record("nothing is there \(why)", sourceLocation: place)
        throw Unexpected()
    }
    return value
}

func instant(_ text: String) -> Date { ISO8601DateFormatter().date(from: text)! }

func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

/// A phone: its key store, and the vault on it.
struct Phone: Sendable {
    let keys: SoftKeyStore
    let vault: Vault
    let kit: RecoveryKit

    static func new(_ folder: String, _ cloud: CloudSettings? = nil) async throws -> Phone {
        let keys = SoftKeyStore()
        let made = try await createVault(path: "\(folder)/vault", log: cloud?.log, keyStore: keys, limits: limits)
        if let cloud { try await made.vault.connect(cloud: cloud, kit: nil) }
        return Phone(keys: keys, vault: made.vault, kit: made.kit)
    }

    func confirmKit() async throws {
        let words = try kit.words().split(separator: " ").map(String.init)
        try await vault.confirmKit(words: vault.askedWords().map { words[Int($0) - 1] })
    }

    @discardableResult
    func typed(_ name: String, _ text: String, _ at: Date = Date()) async throws -> Added {
        try await vault.add(record: typedEntry(name: name, text: text, start: at, offsetMin: 60))
    }

    /// Syncs until nothing is left to do and the log has all that is sealed.
    func syncAll() async throws {
        let end = Date(timeIntervalSinceNow: 60)
        while true {
            let report = try await vault.sync(budgetMs: 60_000, network: Network(metered: false, lowData: false))
            try #require(report.retryAt == nil, "the cloud is to be waited for")
            let status = try await vault.status()
            if report.done && status.queued + status.stored == 0 { return }
            try #require(Date() < end, "syncing does not end")
        }
    }
}

/// A cloud and a witness as processes of their own, on ports that the system picks.
final class Site: Sendable {
    private let folder: String
    private let services = Guarded<[Process]>([])
    let url: String

    init(_ folder: String) async throws {
        self.folder = folder
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let (cloud, witness) = ("\(folder)/cloud.toml", "\(folder)/witness.toml")
        let settings = "listen = \"127.0.0.1:0\"\ndata = \"\(folder)/cloud\"\norigin = \"swift.test/log\"\n"
        try settings.write(toFile: cloud, atomically: true, encoding: .utf8)
        let key = try await Site.printedKey("vitalwitness-cloud", cloud)
        let witnessed = "listen = \"127.0.0.1:0\"\ndata = \"\(folder)/witness\"\nname = \"witness.swift.test\"\nlogs = [\"\(key)\"]\n"
        try witnessed.write(toFile: witness, atomically: true, encoding: .utf8)
        let vkey = try await Site.printedKey("vitalwitness-witness", witness)
        let at = try await Site.start("vitalwitness-witness", witness, services)
        let whole = "quorum = 1\n\(settings)\n[[witness]]\nurl = \"\(at)\"\nvkey = \"\(vkey)\"\n"
        try whole.write(toFile: cloud, atomically: true, encoding: .utf8)
        url = try await Site.start("vitalwitness-cloud", cloud, services)
    }

    deinit {
        services.with { running in running.reversed().forEach { $0.terminate() } }
    }

    /// A one-time code for the first person of a new clinic.
    func clinicCode() async throws -> String {
        let token = try text("\(folder)/cloud/operator.token").trimmingCharacters(in: .whitespacesAndNewlines)
        var request = URLRequest(url: URL(string: "\(url)/v1/operator/organisations")!)
        request.httpMethod = "POST"
        request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        request.httpBody = Data(#"{"name":"Seehof Clinic","role":"provider"}"#.utf8)
        let (answer, _) = try await URLSession.shared.data(for: request)
        let said = try JSONSerialization.jsonObject(with: answer) as? [String: Any]
        return try given(said?["code"] as? String)
    }

    /// The clinic's own program, in its own folder: how it ended.
    func clinic(_ arguments: [String]) async throws -> Int32 {
        let environment = [
            "VW_HOME": "\(folder)/clinic", "VW_PASSPHRASE": "a clinic's passphrase", "VW_TEST_ARGON": "least",
        ]
        let (exit, said) = try await Site.run("vitalwitness", arguments + ["--json"], environment)
        if exit != 0 { print(said) }
        return exit
    }

    private static func printedKey(_ program: String, _ config: String) async throws -> String {
        try await run(program, ["--config", config, "--print-key"], [:]).said
    }

    private static func run(
        _ program: String, _ arguments: [String], _ environment: [String: String]
    ) async throws -> (exit: Int32, said: String) {
        let process = made(program, arguments, environment)
        let out = Pipe()
        process.standardOutput = out
        process.standardError = FileHandle.nullDevice
        let said = AsyncStream<String> { heard in
            Thread.detachNewThread {
                heard.yield(String(decoding: out.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self))
                heard.finish()
            }
        }
        let ended = AsyncStream<Int32> { told in
            process.terminationHandler = {
                told.yield($0.terminationStatus)
                told.finish()
            }
        }
        try process.run()
        var text = ""
        for await part in said { text += part }
        for await exit in ended { return (exit, text.trimmingCharacters(in: .whitespacesAndNewlines)) }
        throw Unexpected()
    }

    private static func start(_ program: String, _ config: String, _ services: Guarded<[Process]>) async throws -> String {
        let process = made(program, ["--config", config], ["VW_LOG": "info"])
        let pipe = Pipe()
        process.standardOutput = FileHandle.nullDevice
        process.standardError = pipe
        try process.run()
        services.with { $0.append(process) }
        let lines = AsyncStream<String> { heard in
            // it ends with the process
            Thread.detachNewThread {
                var open = Data()
                while true {
                    let more = pipe.fileHandleForReading.availableData
                    if more.isEmpty { return heard.finish() }
                    open += more
                    while let end = open.firstIndex(of: 0x0a) {
                        heard.yield(String(decoding: open[..<end], as: UTF8.self))
                        open = Data(open[open.index(after: end)...])
                    }
                }
            }
        }
        for await line in lines {
            let said = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            guard let fields = said?["fields"] as? [String: Any], let message = fields["message"] as? String else { continue }
            if message.hasSuffix("listening"), let at = fields["addr"] as? String { return "http://\(at)" }
        }
        Issue.record("\(program) did not start")
        throw Unexpected()
    }

    private static func made(_ program: String, _ arguments: [String], _ environment: [String: String]) -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "\(programs)/\(program)")
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        return process
    }
}
