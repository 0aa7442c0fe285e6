/* Every key of the spec file. Users read these strings in the reference. */
#include "planner/spec/fields.h"

#include "planner/base/limits.h"
#include "planner/engines/engine.h"
#include "planner/spec/spec.h"

#define HOST "^[A-Za-z0-9_]([A-Za-z0-9_.:%-]*[A-Za-z0-9_])?$"
#define HOST_MUST "must be an address, a host name or an alias of ~/.ssh/config, without a user (that is ssh.user)"
#define NAME "^[A-Za-z0-9]([A-Za-z0-9._:-]*[A-Za-z0-9])?$"
#define ENV_NAME "^[A-Za-z_][A-Za-z0-9_]*$"
#define ENV_MUST "must be the name of an environment variable (letters, digits and '_')"
#define FOLDER "^/[^:,]+$"
#define FOLDER_MUST "must be an absolute path without ':' and ','"

static const char *const launchers[] = {"container", "script", NULL};
static const char *const pulls[] = {"each", "once", NULL};
static const char *const runtimes[] = {
#define RUNTIME(name) #name,
#include "planner/spec/runtimes.def"
#undef RUNTIME
	NULL};
static const char *const probe_kinds[] = {
	"auto", "chat", "completion", "embedding", "rerank", "classify", "none", NULL};
static const char *const executors[] = {"ssh", "openssh", "auto", "local", NULL};

static const struct field ssh_fields[] = {
	{.name = "user", .type = FIELD_TEXT, AT(spec_ssh, user),
	 .otherwise = "from ~/.ssh/config, else the name of the local user",
	 .pattern = "^[A-Za-z0-9_][A-Za-z0-9_.@-]*$", .longest = 64, .must = "must be a user name",
	 .aka = "username login remote_user ansible_user",
	 .doc = "The user to log in as.", .example = "ubuntu"},
	{.name = "port", .type = FIELD_NUMBER, AT(spec_ssh, port),
	 .otherwise = "from ~/.ssh/config, else 22", .min = 1, .max = 65535,
	 .doc = "The port of sshd. The other nodes dial it too, to test if they reach the node.",
	 .example = "22"},
	{.name = "identity", .type = FIELD_TEXT, AT(spec_ssh, identity),
	 .otherwise = "those of ~/.ssh/config, the agent, and the usual key files",
	 .pattern = "^(/|~/|[A-Za-z0-9._])", .must = "must be a path",
	 .aka = "key key_file private_key private_key_file key_path identity_file ssh_key ansible_ssh_private_key_file",
	 .doc = "The private key file. As with ssh, other users must not be able to read it.",
	 .example = "~/.ssh/lambda"},
	{.name = "config", .type = FIELD_TEXT, AT(spec_ssh, config), .otherwise = "~/.ssh/config",
	 .pattern = "^(/|~/|[A-Za-z0-9._])", .must = "must be a path",
	 .doc = "The OpenSSH client configuration to read, instead of ~/.ssh/config and "
		"/etc/ssh/ssh_config, as with ssh -F.", .example = "~/.ssh/config"},
	{.name = "known_hosts", .type = FIELD_TEXT, AT(spec_ssh, known_hosts),
	 .otherwise = "from ~/.ssh/config, else ~/.ssh/known_hosts",
	 .pattern = "^(/|~/|[A-Za-z0-9._])", .must = "must be a path",
	 .doc = "The file with the host keys. A host that is not in it is refused.",
	 .example = "~/.ssh/known_hosts"},
	{.name = "connect_timeout", .type = FIELD_NUMBER, AT(spec_ssh, connect_timeout),
	 .otherwise = "from ~/.ssh/config, else 10", .min = 1, .max = 600, .unit = "seconds",
	 .aka = "timeout",
	 .doc = "How long each part of connecting may take.", .example = "10"},
	{0},
};
static const struct field_group ssh_group = {
	.name = "ssh", .field = ssh_fields, .size = sizeof(struct spec_ssh),
	.at_offset = NO_OFFSET, .auto_offset = NO_OFFSET,
	.doc = "How nodes are reached. A node can override these in its own ssh.",
};

static const struct field node_fields[] = {
	{.name = "host", .type = FIELD_TEXT, .flags = FIELD_RANGE, AT(spec_node, host),
	 .pattern = HOST, .longest = 255, .must = HOST_MUST, .meant = meant_host,
	 .aka = "hostname ip ip_address addr server ansible_host",
	 .doc = "What to dial: an address, a name or an alias of ~/.ssh/config. A range such as "
		"192.0.2.[12-14], gpu-[01-04] or gpu-[1,3,5-7] stands for several nodes. A node "
		"with executor local needs no host, nor does one with a Lua file and a name.",
	 .example = "192.0.2.[11-14]"},
	{.name = "name", .type = FIELD_TEXT, .flags = FIELD_RANGE, AT(spec_node, name),
	 .otherwise = "the host", .pattern = NAME, .longest = 255,
	 .must = "must be letters, digits, '.', '_' and '-'",
	 .doc = "The node's name in plans and messages. A range if host is one. Renaming a node "
	        "recreates its container.",
	 .example = "gpu-[1-4]"},
	{.name = "address", .type = FIELD_TEXT, .flags = FIELD_RANGE, AT(spec_node, address),
	 .otherwise = "the host if it is an IP address that no other node has, else dray asks the node",
	 .pattern = "^[0-9a-fA-F.:]+$", .must = "must be an IP address",
	 .doc = "The IP address at which the other nodes reach this one (VLLM_HOST_IP and the "
		"node address of Ray). A range if host is one.",
	 .example = "10.0.0.[11-14]"},
	{.name = "gpus", .type = FIELD_NUMBER, AT(spec_node, gpus), .min = 1, .max = 64,
	 .otherwise = "all that the node has",
	 .must = "a node without GPUs cannot serve, so take it out of 'nodes'; the API runs on the first "
		 "node of the list",
	 .aka = "gpu gpu_count num_gpus n_gpus slots",
	 .doc = "How many GPUs the node must have. If it is given, the layout is checked before any "
		"node is contacted.",
	 .example = "8"},
	{.name = "labels", .type = FIELD_PAIRS, AT(spec_node, labels),
	 .key_pattern = "^[A-Za-z0-9][A-Za-z0-9._/-]*$",
	 .key_must = "must be letters, digits, '.', '_', '/' and '-'",
	 .doc = "Your own notes on the node. They never change a plan.",
	 .example = "{rack: a1}"},
	{.name = "env", .type = FIELD_PAIRS, AT(spec_node, env),
	 .key_pattern = ENV_NAME, .key_must = ENV_MUST,
	 .doc = "Environment of this node's container, on top of engine.env.",
	 .example = "{NCCL_SOCKET_IFNAME: eth1}"},
	{.name = "ssh", .type = FIELD_GROUP, AT(spec_node, ssh), .group = &ssh_group,
	 .doc = "Overrides the cluster's ssh for this node."},
	{.name = "executor", .type = FIELD_TEXT, AT(spec_node, executor), .fallback = "ssh",
	 .choices = executors, .pattern = LUA_FILE, .longest = 1024,
	 .must = "a Lua file (NAME.lua)",
	 .aka = "connection transport",
	 .doc = "How to get a shell on the node: ssh, dray's own client; openssh, the ssh of the "
		"machine that dray runs on, which can do more (ProxyCommand, certificates, security "
		"keys, newer ciphers); auto, openssh where ssh cannot; local, for the machine that "
		"dray runs on; or a Lua file whose function connect(node) returns the command line of a program that "
		"gives one, such as kubectl exec.",
	 .example = "ssh"},
	{0},
};
static const struct field_group node_group = {
	.name = "nodes", .field = node_fields, .size = sizeof(struct spec_node),
	.at_offset = offsetof(struct spec_node, at), .auto_offset = NO_OFFSET,
	.doc = "One entry per host or range of hosts. The first node is the head: it runs the Ray "
	       "head and vllm serve. A plain string stands for {host: STRING}. Instead of a list, "
	       "nodes: {lua: inventory.lua} takes the nodes from a program; see below.",
};

static const struct field storage_fields[] = {
	{.name = "shared", .type = FIELD_TEXT, AT(spec_storage, shared),
	 .pattern = FOLDER, .must = FOLDER_MUST, .meant = meant_folder, .otherwise = "shared_dir",
	 .doc = "A directory that is the same file system on all nodes. If anything in it is used, "
		"apply proves first that it is the same.",
	 .example = "/home/ubuntu/ml-1cc"},
	{.name = "local", .type = FIELD_TEXT, .flags = FIELD_ASIDE, AT(spec_storage, local),
	 .pattern = FOLDER, .must = FOLDER_MUST, .meant = meant_folder,
	 .doc = "A directory on each node's own disk, with the same path everywhere. One node downloads "
		"the weights, and the others get their copies from it.",
	 .example = "/var/lib/models"},
	{0},
};
static const struct field_group storage_group = {
	.name = "storage", .field = storage_fields, .size = sizeof(struct spec_storage),
	.at_offset = offsetof(struct spec_storage, at), .auto_offset = NO_OFFSET,
	.bare = "shared",
	.doc = "Where the nodes keep weights: in a directory that all of them share, or each on its own "
	       "disk. A spec needs it for model.repo, and a shared one for launcher script; with "
	       "model.path it needs none.",
};

static const struct field parallelism_fields[] = {
	{.name = "tensor", .type = FIELD_NUMBER, .flags = FIELD_AUTO | FIELD_REQUIRED,
	 AT(spec_parallelism, tensor), .min = 1, .max = 1024,
	 .aka = "tp tp_size tensor_parallel tensor_parallel_size",
	 .doc = "GPUs that share each layer. Usually the GPUs of one node. auto: dray chooses, from "
		"the model and the available GPUs.", .example = "8"},
	{.name = "pipeline", .type = FIELD_NUMBER, .flags = FIELD_AUTO,
	 AT(spec_parallelism, pipeline), .fallback = "1", .min = 1, .max = 1024,
	 .aka = "pp pp_size pipeline_parallel pipeline_parallel_size",
	 .doc = "Stages, that is groups of layers, one after the other. Usually the number of nodes. Can "
		"be auto.",
	 .example = "4"},
	{.name = "data", .type = FIELD_NUMBER, AT(spec_parallelism, data), .fallback = "1",
	 .min = 1, .max = 1024,
	 .aka = "dp dp_size data_parallel data_parallel_size replicas",
	 .doc = "Copies of the model behind one API, each on tensor times pipeline GPUs. Only for "
		"backend mp.",
	 .example = "1"},
	{0},
};
static const struct field_group parallelism_group = {
	.name = "parallelism", .field = parallelism_fields,
	.size = sizeof(struct spec_parallelism),
	.at_offset = offsetof(struct spec_parallelism, at),
	.auto_offset = offsetof(struct spec_parallelism, is_auto),
	.bare = "tensor",
	.doc = "How the model is split. It takes tensor times pipeline times data GPUs. With "
	       "'parallelism: auto', or auto for one of them, dray takes the fewest nodes on which "
	       "the model and the requested context fit; 'dray explain layout' shows why.",
};

static const struct field script_fields[] = {
	{.name = "url", .type = FIELD_TEXT, AT(spec_script, url), .pattern = HTTP,
	 .must = HTTP_MUST,
	 .otherwise = "run_cluster.sh of the image's vLLM, or of v0.17.1 if the tag does not tell",
	 .doc = "The URL of run_cluster.sh.",
	 .example = "https://raw.githubusercontent.com/vllm-project/vllm/v0.17.1/examples/"
		    "online_serving/run_cluster.sh"},
	{.name = "sha256", .type = FIELD_TEXT, AT(spec_script, sha256),
	 .pattern = "^[0-9a-f]{64}$", .must = "must be 64 hexadecimal digits (lower case)",
	 .otherwise = "that of vLLM's own script, which is the same from v0.13.0 on",
	 .doc = "What the script's SHA-256 must be. Required if url is given.",
	 .example = "f37a33e80e231c9c52fa7ca3b93fb75f63f7b15fcd5ec860fcc4537cc5a0aaeb"},
	{0},
};
static const struct field_group script_group = {
	.name = "engine.script", .field = script_fields, .size = sizeof(struct spec_script),
	.at_offset = offsetof(struct spec_script, at), .auto_offset = NO_OFFSET,
	.doc = "The run_cluster.sh that launcher script uses.",
};

static const struct field engine_fields[] = {
	{.name = "image", .type = FIELD_TEXT, AT(spec_engine, image),
	 .otherwise = "none: it is required, except with runtime none",
	 .pattern = "^([a-z0-9][A-Za-z0-9._:/-]*(@sha256:[0-9a-f]{64})?|/[^:,]*[^:,/])$", .longest = 330,
	 .must = "must be an image reference such as vllm/vllm-openai:v0.17.1, without docker://, or the "
		 "absolute path of a SIF file",
	 .aka = "docker_image container_image container",
	 .doc = "The container image. Give it a tag or, better, a digest: all nodes must run the "
		"same image. With runtime apptainer it may be the absolute path of a SIF file that is on "
		"every node; of any other image one is made, in the storage.",
	 .example = "vllm/vllm-openai:v0.17.1"},
	{.name = "image_archive", .type = FIELD_TEXT, .flags = FIELD_ASIDE, AT(spec_engine, image_archive),
	 .otherwise = "none: the image comes from its registry",
	 .pattern = "^(/|[A-Za-z0-9._]).*[^/]$", .longest = 1024, .must = "must be the path of a file",
	 .doc = "The file that has the image, as docker save or podman save wrote it, also packed by "
		"gzip, zstd, xz or bzip2. With an absolute path it is on every node, on its own disk or "
		"a shared one. Otherwise it is on the machine that dray runs on, relative to the spec, "
		"and dray sends it to one node, from which the others get the image. No registry is asked then.",
	 .example = "vllm-0.24.tar.zst"},
	{.name = "pull", .type = FIELD_TEXT, AT(spec_engine, pull), .fallback = "each", .choices = pulls,
	 .doc = "Who pulls the image: each node; or once, by one node, unless a node has it already. The "
		"others then get it from that one, over the nodes' own network, and only the layers that "
		"they lack. An archive that is sent from here goes to one node and from there to the "
		"others in any case.",
	 .example = "once"},
	{.name = "image_config", .type = FIELD_TEXT, AT(spec_engine, image_config),
	 .pattern = "^sha256:[0-9a-f]{64}$", .must = "must be sha256: and 64 hexadecimal digits (lower case)",
	 .doc = "With pull: once, the digest of the image's configuration, as the registry's manifest names it "
		"(docker manifest inspect -v IMAGE: config, digest). No node takes another image from a node.",
	 .example = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
	{.name = "backend", .type = FIELD_TEXT, AT(spec_engine, backend), .fallback = "auto",
	 .choices = engine_backends,
	 .aka = "distributed_executor_backend executor_backend",
	 .doc = "How the nodes work together: with Ray, or with vLLM alone (mp), one rank per node. "
		"auto takes ray if the image has Ray in it and there are several nodes, otherwise "
		"mp; the plan says which and why.",
	 .example = "ray"},
	{.name = "master_port", .type = FIELD_NUMBER, AT(spec_engine, master_port),
	 .fallback = MASTER_PORT_text, .min = 1, .max = 65535,
	 .doc = "The port on the head where the ranks of backend mp meet.", .example = "29501"},
	{.name = "ray_port", .type = FIELD_NUMBER, AT(spec_engine, ray_port),
	 .fallback = RAY_PORT_text, .min = 1, .max = 65535,
	 .doc = "The port of the Ray head, which the other nodes join; only for backend ray.",
	 .example = "6379"},
	{.name = "launcher", .type = FIELD_TEXT, AT(spec_engine, launcher),
	 .fallback = "container", .choices = launchers,
	 .doc = "How Ray's containers start: with container, dray runs docker; with script, it runs "
		"vLLM's run_cluster.sh, detached. The result is the same.",
	 .example = "script"},
	{.name = "script", .type = FIELD_GROUP, AT(spec_engine, script), .group = &script_group,
	 .doc = "The run_cluster.sh that launcher script uses."},
	{.name = "runtime", .type = FIELD_TEXT, AT(spec_engine, runtime), .fallback = "docker",
	 .choices = runtimes,
	 .doc = "What runs the engine: docker or podman, in containers; apptainer (or singularity, if its "
		"command has that name), in processes of the login that see the image; or none, for hosts "
		"that are containers themselves or have none of these: the same steps are then processes "
		"of a virtual environment (venv).",
	 .example = "docker"},
	{.name = "venv", .type = FIELD_TEXT, .flags = FIELD_ASIDE, AT(spec_engine, venv),
	 .pattern = "^/[^:]*[^:/]$", .must = "must be an absolute path without ':' or a '/' at its end",
	 .otherwise = "none: runtime none requires it",
	 .doc = "The Python virtual environment with vLLM in it (and Ray, for backend ray, and hf, "
		"for model.repo), at the same path on every node. Any prefix with bin/vllm will do, such "
		"as /usr/local of a pod made from vLLM's image. Only for runtime none.",
	 .example = "/opt/vllm"},
	{.name = "args", .type = FIELD_ARGS, AT(spec_engine, args),
	 .key_pattern = "^[A-Za-z0-9][A-Za-z0-9_.-]*$",
	 .key_must = "must be an option of vllm serve without its dashes",
	 .aka = "extra_args vllm_args serve_args engine_args arguments options flags",
	 .doc = "Options of vllm serve: KEY: VALUE becomes --KEY VALUE, true becomes --KEY, false "
		"becomes --no-KEY, and a list becomes several values after one --KEY. Quote JSON.",
	 .example = "{max-model-len: 32768, enable-prefix-caching: true}"},
	{.name = "env", .type = FIELD_PAIRS, AT(spec_engine, env),
	 .key_pattern = ENV_NAME, .key_must = ENV_MUST,
	 .aka = "environment env_vars envs",
	 .doc = "Environment of every container of the engine. It is visible in docker inspect. "
		"GPUs that CUDA_VISIBLE_DEVICES or HIP_VISIBLE_DEVICES excludes, here or in a "
		"node's env, are not counted. "
		"Interfaces and RDMA devices that it names (NCCL_SOCKET_IFNAME, GLOO_SOCKET_IFNAME, "
		"NCCL_IB_HCA and the like) must be there. If it has an HTTP proxy, dray adds the "
		"nodes' addresses to no_proxy.",
	 .example = "{NCCL_DEBUG: INFO}"},
	{.name = "docker_args", .type = FIELD_TEXTS, AT(spec_engine, docker_args),
	 .aka = "docker_options docker_opts run_args container_args extra_docker_args",
	 .doc = "More arguments for docker run, one word each.",
	 .example = "[--ulimit, memlock=-1]"},
	{0},
};
static const struct field_group engine_group = {
	.name = "engine", .field = engine_fields, .size = sizeof(struct spec_engine),
	.at_offset = offsetof(struct spec_engine, at), .auto_offset = NO_OFFSET,
	.bare = "image",
	.doc = "What runs the model.",
};

static const struct field serve_fields[] = {
	{.name = "port", .type = FIELD_NUMBER, AT(spec_serve, port), .fallback = API_PORT_text,
	 .min = 1, .max = 65535, .doc = "The port of the API, on the head.", .example = "8000"},
	{.name = "bind", .type = FIELD_TEXT, AT(spec_serve, bind), .fallback = "0.0.0.0",
	 .pattern = "^[0-9a-fA-F.:]+$", .must = "must be an IP address", .meant = meant_bind,
	 .aka = "host address listen listen_address",
	 .doc = "The address that the API listens on.", .example = "127.0.0.1"},
	{.name = "name", .type = FIELD_TEXTS, .flags = FIELD_ONE, AT(spec_serve, name),
	 .otherwise = "the repo, or the last part of the path",
	 .pattern = "^[A-Za-z0-9][A-Za-z0-9._:/-]*$", .longest = 200,
	 .must = "must be letters, digits, '.', '_', ':', '/' and '-'",
	 .aka = "model_name served_name served_model_name",
	 .doc = "The model's name in API requests. A list gives it several names; answers have the "
		"first, and dray asks by that.", .example = "llama-3.1-405b"},
	{.name = "api_key", .type = FIELD_SECRET, AT(spec_serve, api_key),
	 .otherwise = "the API is open",
	 .aka = "key token",
	 .doc = "A reference to the key that clients must send: env:NAME, file:PATH or "
		"cmd:COMMAND.",
	 .example = "env:VLLM_API_KEY"},
	{0},
};
static const struct field_group serve_group = {
	.name = "serve", .field = serve_fields, .size = sizeof(struct spec_serve),
	.at_offset = offsetof(struct spec_serve, at), .auto_offset = NO_OFFSET,
	.bare = "port bind",
	.doc = "The API.",
};

static const struct field probe_fields[] = {
	{.name = "kind", .type = FIELD_TEXT, AT(spec_probe, kind), .fallback = "auto",
	 .choices = probe_kinds,
	 .doc = "What the model is asked: a chat completion, a plain completion, an embedding, a "
		"ranking of documents or a classification. auto asks for the first that the engine "
		"does not refuse for this model. none: nothing is asked, and the model counts as "
		"serving when the API lists it.",
	 .example = "auto"},
	{.name = "prompt", .type = FIELD_TEXT, .flags = FIELD_LINES, AT(spec_probe, prompt),
	 .fallback = "Say hello.", .doc = "What the model is asked.", .example = "Say hello."},
	{.name = "max_tokens", .type = FIELD_NUMBER, AT(spec_probe, max_tokens),
	 .fallback = "8", .min = 1, .max = 100000, .unit = "tokens",
	 .doc = "The length of the answer, at most.", .example = "8"},
	{.name = "timeout", .type = FIELD_NUMBER, AT(spec_probe, timeout), .fallback = PROBE_LIMIT_text,
	 .min = 1, .max = 86400, .unit = "seconds",
	 .doc = "How long the answer may take.", .example = "120"},
	{0},
};
static const struct field_group probe_group = {
	.name = "probe", .field = probe_fields, .size = sizeof(struct spec_probe),
	.at_offset = offsetof(struct spec_probe, at), .auto_offset = NO_OFFSET,
	.doc = "One real question at the end, which proves that the model serves.",
};

static const struct field limits_fields[] = {
	{.name = "parallel", .type = FIELD_NUMBER, AT(spec_limits, parallel), .fallback = "64",
	 .min = 1, .max = 1024, .doc = "Steps that run at the same time.", .example = "64"},
	{.name = "downloads", .type = FIELD_NUMBER, AT(spec_limits, downloads), .fallback = "1",
	 .min = 1, .max = 64, .doc = "Downloads that run at the same time.", .example = "1"},
	{0},
};
static const struct field_group limits_group = {
	.name = "limits", .field = limits_fields, .size = sizeof(struct spec_limits),
	.at_offset = NO_OFFSET, .auto_offset = NO_OFFSET,
	.bare = "parallel",
	.doc = "How much is done at once. They never change a plan.",
};

static const struct field top_fields[] = {
	{.name = "cluster", .type = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(spec, cluster),
	 .pattern = "^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$",
	 .must = "must be lower-case letters, digits and '-', at most 40, without '-' at the ends",
	 .aka = "name cluster_name",
	 .doc = "The cluster's name. Containers and records on the nodes carry it. A new name means a "
	        "new cluster: destroy the old one first, with the old name.",
	 .example = "llama-405b"},
	{.name = "nodes", .type = FIELD_NODES, .flags = FIELD_REQUIRED, AT(spec, node),
	 .group = &node_group, .aka = "hosts servers machines inventory workers",
	 .doc = "The hosts. The first is the head."},
	{.name = "left", .type = FIELD_LEFT, .flags = FIELD_ASIDE, AT(spec, left),
	 .group = &node_group, .otherwise = "those that other nodes remember, reached as ssh says",
	 .doc = "Nodes that are no longer under nodes, written in the same way: dray removes what it "
		"left on them. The other nodes remember which machines left the spec, but not how to "
		"reach them. List a node here if it has executor local, a Lua file, a loopback host, "
		"or its own ssh.",
	 .example = "[{name: gpu-5, host: 192.0.2.15, ssh: {user: admin}}]"},
	{.name = "ssh", .type = FIELD_GROUP, AT(spec, ssh), .group = &ssh_group,
	 .doc = "How nodes are reached."},
	{.name = "shared_dir", .type = FIELD_TEXT, .flags = FIELD_ASIDE, AT(spec, shared_dir),
	 .pattern = FOLDER, .must = FOLDER_MUST, .meant = meant_folder, .otherwise = "see storage",
	 .aka = "shared_directory shared_path shared_storage nfs nfs_dir",
	 .doc = "A directory that is the same file system on all nodes: the short form of storage: "
		"{shared: DIRECTORY}.",
	 .example = "/home/ubuntu/ml-1cc"},
	{.name = "storage", .type = FIELD_GROUP, AT(spec, storage),
	 .group = &storage_group, .doc = "Where the nodes keep weights."},
	{.name = "model", .type = FIELD_GROUP, .flags = FIELD_REQUIRED, AT(spec, model),
	 .group = &model_fields, .doc = "The model to serve."},
	{.name = "parallelism", .type = FIELD_GROUP, .flags = FIELD_REQUIRED,
	 AT(spec, parallelism), .group = &parallelism_group, .aka = "parallel",
	 .doc = "How the model is split."},
	{.name = "engine", .type = FIELD_GROUP, .flags = FIELD_REQUIRED, AT(spec, engine),
	 .group = &engine_group, .aka = "vllm",
	 .doc = "What runs the model."},
	{.name = "serve", .type = FIELD_GROUP, AT(spec, serve), .group = &serve_group,
	 .aka = "api",
	 .doc = "The API."},
	{.name = "probe", .type = FIELD_GROUP, AT(spec, probe), .group = &probe_group,
	 .doc = "The request that proves that the model serves."},
	{.name = "limits", .type = FIELD_GROUP, AT(spec, limits), .group = &limits_group,
	 .doc = "How much is done at once."},
	{.name = "vars", .type = FIELD_VARS, AT(spec, vars),
	 .key_pattern = "^[A-Za-z0-9_-]+$", .key_must = "must be letters, digits, '_' and '-'",
	 .aka = "variables",
	 .doc = "Strings to use elsewhere as ${name}. ${env:NAME} is an environment variable, $${ a "
		"literal ${.",
	 .example = "{site: lab-1}"},
	{.name = "files", .type = FIELD_GROUPS, AT(spec, carried),
	 .group = &carried_fields, .doc = "Files of this machine that every node gets."},
	{.name = "hooks", .type = FIELD_GROUPS, AT(spec, hooks), .group = &hook_fields,
	 .doc = "Lua files that are called when something happens."},
	{.name = "kinds", .type = FIELD_TEXTS, AT(spec, kinds), .pattern = LUA_FILE,
	 .longest = 1024, .must = "must be paths of Lua files (NAME.lua)", .otherwise = "none",
	 .doc = "Lua files that each define a kind of step; paths are relative to the spec. 'dray "
		"kinds' lists them, 'dray kinds show NAME' documents one.",
	 .example = "[kinds/nfs.lua]"},
	{.name = "steps", .type = FIELD_GROUPS, AT(spec, steps), .group = &step_fields,
	 .doc = "Your own steps."},
	{0},
};
const struct field_group spec_fields = {
	.field = top_fields, .size = sizeof(struct spec), .at_offset = NO_OFFSET,
	.auto_offset = NO_OFFSET, .doc = "The keys at the top of the file.",
};
