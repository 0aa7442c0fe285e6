#!/bin/bash
# build.sh - makes the stand-in engine in $CACHE/standin within seconds and without a
# network: the program, an image of it (in the shape of a registry that hub.py serves,
# as hub:8900/dray/standin:1 and :2), a hub with a tiny fake model, the raw files.
set -euo pipefail
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

out=$CACHE/standin
key=$(stamp "$0" "$HERE"/*.[ch] "$HERE/run_cluster.sh")
[ "$(cat "$out.stamp" 2>/dev/null)" != "$key" ] || exit 0
mkdir -p "$CACHE"
exec 9>"$CACHE/standin.lock"
flock 9
[ "$(cat "$out.stamp" 2>/dev/null)" != "$key" ] || exit 0
rm -rf "$out" "$out.stamp"
mkdir -p "$out"

# The root file system: the program by its three names, bash as vLLM's image has it,
# busybox for all else. Dynamic programs bring what ldd says.
root=$out/root
mkdir -p "$root"/{bin,etc,lib,lib64,proc,sys,dev,root,run,tmp,usr/bin,usr/lib}
chmod 1777 "$root/tmp"
gcc -static -O2 -std=c11 -D_GNU_SOURCE -Wall -Wextra -o "$root/bin/standin" "$HERE"/*.c
for name in ray vllm hf; do ln -s standin "$root/bin/$name"; done
mkdir "$out/bin"
cp "$root/bin/standin" "$out/bin/hf"    # for the nodes themselves
# The same as a virtual environment, for runtime none: /opt/vllm on the nodes.
site=$out/venv/lib/python3.11/site-packages
mkdir -p "$out/venv/bin" "$site/vllm-0.32.0.dist-info" "$site/ray-2.54.1.dist-info"
cp "$root/bin/standin" "$out/venv/bin/vllm"
for name in ray hf; do ln -s vllm "$out/venv/bin/$name"; done
ln -s /usr/bin/python3 "$out/venv/bin/python"
box=$(command -v busybox) || die "no busybox: apt install busybox-static"
cp -L "$box" "$root/bin/busybox"
cp -L /bin/bash "$root/bin/bash"
for lib in $(ldd "$box" /bin/bash 2>/dev/null | grep -o '/[^ :]*\.so[^ ]*' | sort -u); do
	mkdir -p "$root$(dirname "$lib")"
	cp -L "$lib" "$root$lib"
done
for name in $(busybox --list); do
	[ -e "$root/bin/$name" ] || ln -s busybox "$root/bin/$name"
done
ln -s ../../bin/env "$root/usr/bin/env"
echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
echo 'root:x:0:' >"$root/etc/group"

# The image, by hand: a layer, a config and a manifest, each named by its digest. Tag 2
# differs by one variable and so is another image.
repo=$out/v2/dray/standin
mkdir -p "$repo/blobs" "$repo/manifests"
tar -C "$root" --owner=0 --group=0 --numeric-owner --sort=name --mtime=@0 -cf "$out/layer.tar" .
digest() { sha256sum "$1" | cut -d' ' -f1; }
layer=$(digest "$out/layer.tar")
gzip -1n <"$out/layer.tar" >"$out/layer.tgz"
packed=$(digest "$out/layer.tgz")
packed_size=$(stat -c %s "$out/layer.tgz")
mv "$out/layer.tgz" "$repo/blobs/sha256:$packed"
rm -rf "$root" "$out/layer.tar"
for tag in 1 2; do
	cat >"$out/config" <<END
{"architecture":"amd64","os":"linux","created":"2026-01-01T00:00:00Z",
"config":{"Env":["PATH=/bin:/usr/bin","STANDIN_IMAGE=$tag"],"Entrypoint":["vllm","serve"]},
"rootfs":{"type":"layers","diff_ids":["sha256:$layer"]},
"history":[{"created":"2026-01-01T00:00:00Z","created_by":"build.sh"}]}
END
	config=$(digest "$out/config") size=$(stat -c %s "$out/config")
	mv "$out/config" "$repo/blobs/sha256:$config"
	cat >"$repo/manifests/$tag" <<END
{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json",
"config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":$size,
"digest":"sha256:$config"},
"layers":[{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip",
"size":$packed_size,"digest":"sha256:$packed"}]}
END
	cp "$repo/manifests/$tag" "$repo/manifests/sha256:$(digest "$repo/manifests/$tag")"
done

# The hub: files that have the names and the sizes that matter, with nothing in them.
model=$out/hub/dray/tiny
mkdir -p "$model/original" "$out/hub/dray/gated"
cat >"$model/config.json" <<'END'
{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 256,
 "intermediate_size": 512, "num_hidden_layers": 12, "num_attention_heads": 8,
 "num_key_value_heads": 4, "head_dim": 32, "vocab_size": 512, "torch_dtype": "bfloat16",
 "max_position_embeddings": 512, "bos_token_id": 0, "eos_token_id": 1}
END
echo '{"max_new_tokens": 8}' >"$model/generation_config.json"
echo '{"version": "1.0", "model": {"type": "BPE", "vocab": {}, "merges": []}}' >"$model/tokenizer.json"
echo '{"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": "{{ messages }}"}' \
	>"$model/tokenizer_config.json"
echo 'not for vLLM' >"$model/original/params.json"
seq 1000000 | head -c 3000000 >"$model/model.safetensors" || :
[ "$(stat -c %s "$model/model.safetensors")" = 3000000 ] || die "no model.safetensors"
cp "$model"/*.* "$out/hub/dray/gated"
echo hf_testbed >"$out/hub/dray/gated/.gated"
cp -r "$model" "$out/hub/dray/tiny@v2"
echo '{"max_new_tokens": 9}' >"$out/hub/dray/tiny@v2/generation_config.json"

raw=$out/raw/vllm-project/vllm
mkdir -p "$raw/v0.33.0/examples/ray_serving"
ln -s v0.33.0 "$raw/main"
cp "$HERE/run_cluster.sh" "$raw/v0.33.0/examples/ray_serving/"
echo "$key" >"$out.stamp"
