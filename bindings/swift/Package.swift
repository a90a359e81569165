// swift-tools-version: 6.0
// VitalwitnessCore, VitalwitnessCoreFFI and Samples are generated: tests/swift.sh, docs/bindings.md.
import PackageDescription

let package = Package(
    name: "Vitalwitness",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [.library(name: "Vitalwitness", targets: ["Vitalwitness"])],
    targets: [
        .target(name: "Vitalwitness", dependencies: ["VitalwitnessCore", "VitalwitnessNames"]),
        .target(name: "VitalwitnessNames"),
        .target(
            name: "VitalwitnessCore",
            dependencies: ["VitalwitnessCoreFFI", "VitalwitnessNames"],
            // the compiler of 6.0 crashes at it in mode 6
            swiftSettings: [.swiftLanguageMode(.v5)],
            linkerSettings: [.linkedLibrary("vitalwitness_ffi")]
        ),
        .systemLibrary(name: "VitalwitnessCoreFFI"),
        .target(name: "CSoftKeys", path: "Tests/CSoftKeys", linkerSettings: [.linkedLibrary("crypto")]),
        .target(name: "Samples", dependencies: ["Vitalwitness"], path: "Tests/Samples"),
        .testTarget(name: "VitalwitnessTests", dependencies: ["Vitalwitness", "CSoftKeys", "Samples"]),
    ]
)
