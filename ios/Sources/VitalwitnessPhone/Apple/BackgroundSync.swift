#if canImport(BackgroundTasks) && os(iOS)
    import BackgroundTasks
    import Foundation
    import Network
    import Vitalwitness

    /// Syncs while the app is not on the screen, when the system lets it.
    ///
    /// The app's Info.plist names `BackgroundSync.task` under `BGTaskSchedulerPermittedIdentifiers`, and
    /// `fetch` under `UIBackgroundModes`.
    public final class BackgroundSync: Sendable {
        /// The name of its task.
        public static let task = "health.vitalwitness.sync"

        private let vault: @Sendable () async -> Vault?

        /// `vault` gives the one vault of the app, opened where it was not; none: there is none, or it cannot be
        /// opened now.
        public init(vault: @escaping @Sendable () async -> Vault?) {
            self.vault = vault
        }

        /// Call it once, before the app has ended its start: later the system refuses.
        @discardableResult
        public func register() -> Bool {
            BGTaskScheduler.shared.register(forTaskWithIdentifier: Self.task, using: nil) { [self] task in
                let given = Given(task: task)
                let round = Task { await run(given) }
                task.expirationHandler = {
                    given.round.with { $0 }?.stop()
                    round.cancel()
                }
            }
        }

        /// Asks for the next round. Call it when the app leaves the screen, too: the system keeps one wish.
        public func schedule(at date: Date) {
            let wish = BGAppRefreshTaskRequest(identifier: Self.task)
            wish.earliestBeginDate = date
            // refused where the person switched background work off: the app syncs while it is open
            try? BGTaskScheduler.shared.submit(wish)
        }

        private func run(_ given: Given) async {
            guard let vault = await self.vault() else { return given.task.setTaskCompleted(success: true) }
            let round = SyncRound(vault)
            given.round.with { $0 = round }
            if Task.isCancelled { round.stop() }
            // the system gives about 30 s
            let end = await round.run(for: .seconds(18), network: await network()) { await $0.show() }
            if let date = nextSync(after: end) { schedule(at: date) }
            given.task.setTaskCompleted(success: end == .done || end == .nothing)
        }

        private struct Given: @unchecked Sendable {
            let task: BGTask
            let round = Locked<SyncRound?>(nil)
        }
    }

    /// What the connection costs, as the system says at this moment.
    func network() async -> Vitalwitness.Network {
        let monitor = NWPathMonitor()
        let paths = AsyncStream<NWPath> { told in
            monitor.pathUpdateHandler = { told.yield($0) }
            told.onTermination = { _ in monitor.cancel() }
            monitor.start(queue: DispatchQueue(label: "health.vitalwitness.network"))
        }
        for await path in paths { return Vitalwitness.Network(metered: path.isExpensive, lowData: path.isConstrained) }
        return Vitalwitness.Network(metered: true, lowData: true)
    }
#endif
