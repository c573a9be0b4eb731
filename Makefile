# Everything a checkout can do. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: run test jar install bench compare clean help jdk

# A JDK of 25 or newer: JAVA_HOME, then PATH, then where systems and version managers put them.
JDK := $(shell for home in "$$JAVA_HOME" "$$(dirname "$$(dirname "$$(readlink -f "$$(command -v javac)" 2>/dev/null)")")" \
    /usr/lib/jvm/* /opt/java/* /opt/*jdk* "$$HOME"/.sdkman/candidates/java/* "$$HOME"/.jdks/* /Library/Java/JavaVirtualMachines/*/Contents/Home; do \
    [ -x "$$home/bin/javac" ] || continue; \
    version=$$("$$home/bin/javac" -version 2>&1 | sed -n 's/^javac \([0-9]*\).*/\1/p'); \
    [ "$${version:-0}" -ge 25 ] && { echo "$$home"; break; }; done)

VECTOR := --add-modules jdk.incubator.vector
JAVA := $(JDK)/bin/java @.java-flags
JAVAC := $(JDK)/bin/javac $(VECTOR) -nowarn -Xlint:-incubating
JUNIT := .lib/junit-platform-console-standalone-6.0.1.jar
SOURCES := GlimpRouter.java $(shell find glimp -name '*.java')
TESTS := $(shell find test -name '*.java')

## run      answer built-in questions with the pair in models/, routed
run: jdk
	@$(JAVA) GlimpRouter.java demo --temp 0

## test     compile and run all tests (they run no main, which turns the Vector API's bounds checks off: the checks are on)
test: jdk $(JUNIT)
	@rm -rf .build/test && mkdir -p .build/test
	@$(JAVAC) -cp $(JUNIT) -d .build/test $(SOURCES) $(TESTS)
	@$(JDK)/bin/java $(VECTOR) -jar $(JUNIT) execute --class-path .build/test --scan-class-path --disable-banner --disable-ansi-colors --details tree 2>&1 \
	    | tee .build/test.log; status=$$?; \
	    awk '/tests successful/ {p = $$2} /tests failed/ {f = $$2} /tests (aborted|skipped)/ {s += $$2} END {printf "%d passed, %d failed, %d skipped\n", p, f, s}' .build/test.log; exit $$status

## jar      make glimprouter.jar, with the pair inside
jar: glimprouter.jar

## install  put a command glimprouter, that starts sooner than the jar alone, into PREFIX/bin (default: ~/.local/bin)
PREFIX ?= $(HOME)/.local
LIB = $(abspath $(PREFIX))/lib/glimprouter
install: glimprouter.jar
	@mkdir -p $(PREFIX)/bin $(LIB)
	@cp glimprouter.jar $(LIB)/ && cp .java-flags $(LIB)/java-flags
	@$(JDK)/bin/java @.java-flags -XX:AOTCacheOutput=$(LIB)/glimprouter.aot -Xlog:disable -jar $(LIB)/glimprouter.jar demo --questions 3 --temp 0 >/dev/null 2>&1
	@printf '#!/bin/sh\nexec %s @%s/java-flags -XX:AOTCache=%s/glimprouter.aot -Xlog:disable -jar %s/glimprouter.jar "$$@"\n' $(JDK)/bin/java $(LIB) $(LIB) $(LIB) > $(PREFIX)/bin/glimprouter
	@chmod +x $(PREFIX)/bin/glimprouter

## bench    speed of the models in MODELS="a.gguf b.gguf" (default: the pair), beside PEER="COMMAND", with BENCH="other flags"
MODELS ?= models/glimp-s.gguf models/glimp-l.gguf
bench: jdk
	@for model in $(MODELS); do $(JAVA) GlimpRouter.java bench -m $$model $(if $(PEER),--peer '$(PEER)') $(BENCH) || exit; done

## compare  L alone and GlimpRouter, each with and without drafts, on built-in questions; COMPARE="other flags"
compare: jdk
	@$(JAVA) GlimpRouter.java compare $(COMPARE)

## clean    remove what was built
clean:
	rm -rf .build glimprouter.jar

## help     this list
help:
	@sed -n 's/^## /  make /p' Makefile

jdk:
	@[ -n "$(JDK)" ] || { echo "No JDK of 25 or newer found in JAVA_HOME, PATH or the usual folders. Install one (Debian: temurin-25-jdk or openjdk-25-jdk; macOS: brew install openjdk) or set JAVA_HOME." >&2; exit 1; }

$(JUNIT):
	@command -v mvn >/dev/null || { echo "The tests need JUnit's console: install Maven (Debian: apt-get install maven; macOS: brew install maven)." >&2; exit 1; }
	@mvn -q -B dependency:copy -Dartifact=org.junit.platform:junit-platform-console-standalone:6.0.1 -DoutputDirectory=.lib

glimprouter.jar: jdk $(SOURCES) $(wildcard models/*.gguf)
	@rm -rf .build/jar && mkdir -p .build/jar
	@$(JAVAC) -XDstringConcat=inline -d .build/jar $(SOURCES)
	@cp -r models .java-flags .build/jar
	@$(JDK)/bin/jar --create --no-compress --file glimprouter.jar --main-class GlimpRouter -C .build/jar .
