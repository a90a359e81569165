import Foundation
import Vitalwitness

/// How a round of syncing ended.
public enum SyncEnd: Equatable, Sendable {
    /// All is done.
    case done
    /// There is more to do; `at`: the cloud wants to be left alone until then.
    case again(at: Date?)
    /// Only the person can help; the stable code says why (`advice(code:)`).
    case person(code: String)
    /// There is nothing to do: no cloud, or the vault is locked.
    case nothing
}

/// Seals what is due and syncs, a slice at a time, while the system lets it. What is done by then stays done.
public final class SyncRound: Sendable {
    private let vault: Vault
    private let slice: Duration
    private let stopped = Locked(false)

    /// `slice`: how long a call may take; a stop waits for the one that runs.
    public init(_ vault: Vault, slice: Duration = .seconds(5)) {
        self.vault = vault
        self.slice = slice
    }

    /// Ends it after the slice that runs: the system wants its time back.
    public func stop() { stopped.with { $0 = true } }

    /// Runs until all is done, the cloud wants to be left alone, it is stopped, or `time` is over.
    /// `notice` is told what the person should know of, at most once each.
    public func run(
        for time: Duration, network: Network, notice: @Sendable (Notice) async -> Void = { _ in }
    ) async -> SyncEnd {
        do {
            guard try await vault.cloud() != nil else { return .nothing }
            _ = try await vault.seal(which: .due)
            let end = try await slices(until: .now + time, network, notice)
            if try await vault.requests().contains(where: { $0.state == .waiting }) { await notice(.request) }
            return end
        } catch let refusal as VaultError {
            return await ended(refusal, notice)
        } catch {
            return .again(at: nil)
        }
    }

    private func slices(
        until: ContinuousClock.Instant, _ network: Network, _ notice: @Sendable (Notice) async -> Void
    ) async throws -> SyncEnd {
        var told = false
        repeat {
            if stopped.with({ $0 }) { return .again(at: nil) }
            let report = try await vault.sync(budgetMs: UInt32(slice / .milliseconds(1)), network: network)
            if report.frozen != nil && !told {
                told = true
                await notice(.attention)
            }
            if report.done { return .done }
            if let at = report.retryAt { return .again(at: at) }
        } while ContinuousClock.now < until
        return .again(at: nil)
    }

    private func ended(_ refusal: VaultError, _ notice: @Sendable (Notice) async -> Void) async -> SyncEnd {
        switch refusal {
        case .NotNow(_, let after):
            return .again(at: after.map { Date(timeIntervalSinceNow: Double($0)) })
        // the person locked it: the next one after they unlock it
        case .Locked: return .nothing
        // nothing the person could do about it
        case .Internal(let code): return .person(code: code)
        default:
            await notice(.attention)
            return .person(code: refusal.code)
        }
    }
}

/// When the system is asked for the next round. It decides by itself, and not before.
public func nextSync(after end: SyncEnd, now: Date = Date()) -> Date? {
    switch end {
    case .nothing: nil
    case .done: now.addingTimeInterval(3_600)
    case .again(let at): max(at ?? now, now.addingTimeInterval(15 * 60))
    // the person may have helped by then
    case .person: now.addingTimeInterval(6 * 3_600)
    }
}
