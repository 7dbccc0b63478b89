plugins {
    id("com.android.library")
}

android {
    namespace = "edgeacc.engine"
    compileSdk = 36
    defaultConfig {
        minSdk = 30
        ndk {
            // Many watches run 32-bit user space; Play wants 64 bits besides. x86_64 is the emulator's.
            abiFilters += listOf("armeabi-v7a", "arm64-v8a", "x86_64")
        }
    }
    externalNativeBuild {
        cmake {
            path = file("src/main/cpp/CMakeLists.txt")
        }
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
}

dependencies {
    api(project(":core"))
}
