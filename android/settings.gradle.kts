// Not run here: there is no Android SDK.
pluginManagement { repositories { google(); mavenCentral(); gradlePluginPortal() } }
dependencyResolutionManagement { repositories { google(); mavenCentral() } }
rootProject.name = "vitalwitness-android"
include(":vault")
