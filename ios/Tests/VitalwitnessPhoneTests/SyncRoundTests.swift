import Foundation
import Testing
import Vitalwitness

@testable import VitalwitnessPhone

/// Rounds of syncing with a real cloud process.
@Suite struct SyncRoundTests {
    private let network = Network(metered: false, lowData: false)

    @Test("a round seals what is due and syncs until all is done; without a cloud, or locked, there is nothing to do")
    func round() async throws {
        try await inFolder { folder in
            let site = try await Site("\(folder)/site")
            let alone = try await Phone.new(made("\(folder)/alone"))
            #expect(await SyncRound(alone.vault).run(for: .seconds(20), network: network) == .nothing)
            let phone = try await Phone.new(made("\(folder)/phone"), try await fetchCloud(url: site.url))
            try await phone.confirmKit()
            try await phone.typed("weight", "82.4")
            #expect(try await phone.vault.seal(which: .all) == 1)
            #expect(await SyncRound(phone.vault).run(for: .seconds(60), network: network) == .done)
            let status = try await phone.vault.status()
            #expect(status.queued == 0 && status.stored + status.logged + status.witnessed > 0)
            try await phone.vault.lock()
            #expect(await SyncRound(phone.vault).run(for: .seconds(20), network: network) == .nothing)
        }
    }

    @Test("a round that is stopped ends after the slice that runs, and the next one goes on")
    func stopped() async throws {
        try await inFolder { folder in
            let site = try await Site("\(folder)/site")
            let phone = try await Phone.new(made("\(folder)/phone"), try await fetchCloud(url: site.url))
            try await phone.confirmKit()
            try await phone.typed("weight", "82.4")
            #expect(try await phone.vault.seal(which: .all) == 1)
            let round = SyncRound(phone.vault)
            round.stop()
            #expect(await round.run(for: .seconds(60), network: network) == .again(at: nil))
            #expect(try await phone.vault.status().queued == 1)
            #expect(await SyncRound(phone.vault).run(for: .seconds(60), network: network) == .done)
            #expect(try await phone.vault.status().queued == 0)
        }
    }

    @Test("a cloud that does not answer is asked again later, and the person is told nothing")
    func unreachable() async throws {
        try await inFolder { folder in
            let site = try await Site("\(folder)/site")
            var cloud = try await fetchCloud(url: site.url)
            // nobody listens there
            cloud.url = "http://127.0.0.1:1"
            let phone = try await Phone.new(made("\(folder)/phone"), cloud)
            try await phone.confirmKit()
            try await phone.typed("weight", "82.4")
            #expect(try await phone.vault.seal(which: .all) == 1)
            let end = await SyncRound(phone.vault).run(for: .seconds(2), network: network) { notice in
                Issue.record("told \(notice)")
            }
            guard case .again(let at) = end else {
                Issue.record("ended as \(end)")
                return
            }
            #expect(try given(at) > Date())
            #expect(try await phone.vault.status().queued > 0, "what is sealed waits")
        }
    }

    @Test("what only the person can do is said by its code, and they are told once")
    func person() async throws {
        try await inFolder { folder in
            let site = try await Site("\(folder)/site")
            let phone = try await Phone.new(made("\(folder)/phone"), try await fetchCloud(url: site.url))
            try await phone.typed("weight", "82.4")
            let told = Guarded<[Notice]>([])
            let end = await SyncRound(phone.vault).run(for: .seconds(20), network: network) { notice in
                told.with { $0.append(notice) }
            }
            #expect(end == .person(code: "kit_not_confirmed"))
            #expect(told.with { $0 } == [.attention])
        }
    }

    @Test("the next round is asked for when it can bring something")
    func next() {
        let now = instant("2025-03-01T08:00:00Z")
        #expect(nextSync(after: .nothing, now: now) == nil)
        #expect(nextSync(after: .done, now: now) == instant("2025-03-01T09:00:00Z"))
        #expect(nextSync(after: .again(at: nil), now: now) == instant("2025-03-01T08:15:00Z"))
        #expect(nextSync(after: .again(at: instant("2025-03-01T12:00:00Z")), now: now) == instant("2025-03-01T12:00:00Z"))
        #expect(nextSync(after: .again(at: instant("2025-03-01T08:01:00Z")), now: now) == instant("2025-03-01T08:15:00Z"))
        #expect(nextSync(after: .person(code: "quota_full"), now: now) == instant("2025-03-01T14:00:00Z"))
    }

    @Test("a notice has words in every language, and no place for others")
    func notices() throws {
        for language in ["en", "de"] {
            let file = "\(repository)/ios/Sources/VitalwitnessPhone/Resources/\(language).lproj/Localizable.strings"
            let words = try text(file)
            for notice in Notice.allCases {
                for key in [notice.title, notice.text] {
                    #expect(words.contains("\"\(key)\" = \""), "\(language): \(key)")
                }
            }
            #expect(!words.contains("%"), "a place for other words")
        }
    }
}

private func made(_ folder: String) throws -> String {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    return folder
}
