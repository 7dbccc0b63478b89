plugins {
    `java-library`
}

java {
    sourceCompatibility = JavaVersion.VERSION_17
    targetCompatibility = JavaVersion.VERSION_17
}

tasks.register<JavaExec>("selfTest") {
    description = "The golden window through the signal code, on this computer."
    classpath = sourceSets["main"].runtimeClasspath
    mainClass = "edgeacc.core.SelfTestMain"
}
