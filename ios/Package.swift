// swift-tools-version: 6.0
// The package an app adds: `ios/package` puts its parts together, `tests/ios.sh` those it is tested with.
// VitalwitnessCore and VitalwitnessCoreFFI are generated (docs/bindings.md); Vitalwitness and
// VitalwitnessNames are those of bindings/swift.
import PackageDescription

#if os(Linux)
    let library: Target = .systemLibrary(name: "VitalwitnessCoreFFI")
    let links: [LinkerSetting] = [.linkedLibrary("vitalwitness_ffi")]
    let tests: [Target] = [
        .target(name: "CSoftKeys", path: "Tests/CSoftKeys", linkerSettings: [.linkedLibrary("crypto")]),
        .testTarget(name: "VitalwitnessPhoneTests", dependencies: ["VitalwitnessPhone", "CSoftKeys"]),
    ]
#else
    let library: Target = .binaryTarget(name: "VitalwitnessCoreFFI", path: "VitalwitnessCoreFFI.xcframework")
    let links: [LinkerSetting] = [.linkedFramework("Security"), .linkedFramework("SystemConfiguration")]
    let tests: [Target] = []
#endif

let package = Package(
    name: "VitalwitnessPhone",
    defaultLocalization: "en",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [
        .library(name: "Vitalwitness", targets: ["Vitalwitness"]),
        .library(name: "VitalwitnessPhone", targets: ["VitalwitnessPhone"]),
    ],
    targets: [
        .target(name: "VitalwitnessPhone", dependencies: ["Vitalwitness"], resources: [.process("Resources")]),
        .target(name: "Vitalwitness", dependencies: ["VitalwitnessCore", "VitalwitnessNames"]),
        .target(name: "VitalwitnessNames"),
        .target(
            name: "VitalwitnessCore",
            dependencies: ["VitalwitnessCoreFFI", "VitalwitnessNames"],
            // the compiler of 6.0 crashes at it in mode 6
            swiftSettings: [.swiftLanguageMode(.v5)],
            linkerSettings: links
        ),
        library,
    ] + tests
)
