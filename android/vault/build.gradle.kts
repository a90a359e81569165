// Not run here: there is no Android SDK. android/package builds the native libraries before.
plugins {
    alias(libs.plugins.android.library)
    alias(libs.plugins.kotlin.android)
}

val generated = layout.buildDirectory.dir("generated/vitalwitness")

android {
    namespace = "health.vitalwitness.android"
    compileSdk = libs.versions.compile.sdk.get().toInt()
    defaultConfig {
        minSdk = libs.versions.min.sdk.get().toInt()
        consumerProguardFiles("consumer-rules.pro")
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
    sourceSets["main"].apply {
        kotlin.srcDirs("../../bindings/kotlin/src/main/kotlin", generated)
        jniLibs.srcDirs(layout.buildDirectory.dir("jniLibs"))
    }
}

kotlin { jvmToolchain(17) }

/** Builds the library for the phones' processors and writes its Kotlin. */
val native = tasks.register<Exec>("native") {
    workingDir = rootDir.parentFile
    commandLine("android/package", "native", layout.buildDirectory.dir("jniLibs").get().asFile.path, generated.get().asFile.path)
}
tasks.named("preBuild") { dependsOn(native) }

dependencies {
    api(libs.coroutines.android)
    api(libs.work.runtime.ktx)
    api(libs.health.connect)
    implementation(libs.core.ktx)
    implementation("${libs.jna.get()}@aar")
}
