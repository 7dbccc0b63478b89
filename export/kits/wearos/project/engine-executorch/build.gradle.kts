plugins {
    id("com.android.library")
}

android {
    namespace = "edgeacc.engine"
    compileSdk = 36
    defaultConfig {
        minSdk = 30
        ndk {
            // All that ExecuTorch has: Play does not offer the app to watches with 32-bit user space.
            abiFilters += listOf("arm64-v8a", "x86_64")
        }
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
}

dependencies {
    api(project(":core"))
    // The version that wrote the model: an older runtime may not read it.
    implementation("org.pytorch:executorch-android:1.4.1")
}
