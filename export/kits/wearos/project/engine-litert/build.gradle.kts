plugins {
    id("com.android.library")
}

android {
    namespace = "edgeacc.engine"
    compileSdk = 36
    defaultConfig {
        minSdk = 30
    }
    androidResources {
        noCompress += "tflite"
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
}

dependencies {
    api(project(":core"))
    // 2.0 to 2.1.5 have no 32-bit libraries (LiteRT issue 3926); from 1.3.0 on 32-bit ARM is 13 times slower (issue 5470).
    implementation("com.google.ai.edge.litert:litert:1.2.0")
}
