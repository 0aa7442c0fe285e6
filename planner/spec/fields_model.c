/* The keys of model:. Users read these strings in the reference. */
#include "planner/base/limits.h"
#include "planner/spec/fields.h"

#include "planner/spec/spec.h"

static const char *const uses[] = {"lora", "draft", "tokenizer", "config", NULL};
static const char *const model_sources[] = {"hub", "modelscope", NULL};
static const char *const clients[] = {"image", "host", NULL};

static const struct field extra[] = {
	{.name = "repo", .type = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(spec_extra, repo),
	 .pattern = "^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$", .longest = 193,
	 .must = "must be ORG/NAME", .meant = meant_repo,
	 .doc = "The repository on the Hub. Where an argument of the engine names it, the engine gets "
		"its folder instead.",
	 .example = "acme/sql-lora"},
	{.name = "revision", .type = FIELD_TEXT, AT(spec_extra, revision), .fallback = "main",
	 .pattern = "^[A-Za-z0-9][A-Za-z0-9._/-]*$", .longest = 200,
	 .must = "must be a branch, a tag or a commit",
	 .doc = "A branch, tag or commit.", .example = "main"},
	{.name = "for", .type = FIELD_TEXT, .flags = FIELD_ASIDE, AT(spec_extra, use), .choices = uses,
	 .doc = "What the engine uses it for. That decides which of its files must be there.",
	 .example = "lora"},
	{0},
};
static const struct field_group extra_group = {
	.name = "extra", .field = extra, .size = sizeof(struct spec_extra),
	.at_offset = offsetof(struct spec_extra, at), .auto_offset = NO_OFFSET,
	.doc = "Other repositories that are downloaded with the model, by the same token, into the "
	       "same cache. Those that engine.args names in tokenizer, hf-config-path, lora-modules "
	       "and speculative-config are found there and need no entry, except for a revision.",
};

static const struct field model[] = {
	{.name = "repo", .type = FIELD_TEXT, AT(spec_model, repo),
	 .pattern = "^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$", .longest = 193,
	 .must = "must be ORG/NAME, as in meta-llama/Llama-3.1-8B-Instruct, without a URL or a file's "
		 "name; for a folder on the nodes use 'path', for one of many files add 'include'",
	 .meant = meant_repo,
	 .aka = "name id model model_id repo_id repository hf_repo",
	 .doc = "The model on the Hub, as ORG/NAME. Give this, url or path.",
	 .example = "meta-llama/Llama-3.1-405B-Instruct"},
	{.name = "source", .type = FIELD_TEXT, AT(spec_model, source), .fallback = "hub",
	 .choices = model_sources,
	 .doc = "Which hub has the repo: Hugging Face's, or ModelScope. Other repositories (extra, and "
		"those that engine.args names) come from the same one.",
	 .example = "hub"},
	{.name = "url", .type = FIELD_TEXT, .flags = FIELD_ASIDE, AT(spec_model, url),
	 .pattern = "^(https?://[^ /?#@]+(/[^ ?#]*)?|s3://[a-z0-9][a-z0-9.-]*[a-z0-9](/[^/ ].*)?)$",
	 .longest = 1000,
	 .must = "must be an http:// or https:// URL without a user name, '?' and '#', or "
		 "s3://BUCKET/PREFIX; to use another store, mount it on the nodes and give 'path'",
	 .doc = "Where the model is, instead of repo: a folder on a web server that has a file "
		"SHA256SUMS (the output of sha256sum) in it, or the objects below a prefix of an "
		"S3-compatible bucket, s3://BUCKET/PREFIX.",
	 .example = "https://weights.example/llama-3.1-8b"},
	{.name = "revision", .type = FIELD_TEXT, AT(spec_model, revision), .fallback = "main",
	 .pattern = "^[A-Za-z0-9][A-Za-z0-9._/-]*$", .longest = 200,
	 .must = "must be a branch, a tag or a commit",
	 .aka = "branch commit tag rev version",
	 .doc = "A branch, tag or commit. The plan resolves it to a commit and shows it. With a "
		"commit of 40 digits that the cache has whole, the Hub is not asked. With url, give "
		"the 40 digits that the plan shows to pin the content that is there now.",
	 .example = "main"},
	{.name = "include", .type = FIELD_TEXTS, AT(spec_model, include),
	 .pattern = "^[^/].*$", .must = "must be a pattern such as '*.json'",
	 .otherwise = "all files",
	 .aka = "allow_patterns",
	 .doc = "Only files that match one of these patterns are downloaded.",
	 .example = "['*.safetensors', '*.json']"},
	{.name = "exclude", .type = FIELD_TEXTS, AT(spec_model, exclude),
	 .pattern = "^[^/].*$", .must = "must be a pattern such as 'original/*'",
	 .otherwise = "none",
	 .aka = "ignore_patterns",
	 .doc = "Files that match one of these patterns are not downloaded.",
	 .example = "[original/*]"},
	{.name = "token", .type = FIELD_SECRET, AT(spec_model, token), .otherwise = "no token",
	 .aka = "hf_token hub_token",
	 .doc = "A reference to the Hub token for gated models: env:NAME, file:PATH or "
		"cmd:COMMAND. Never the token itself. A web server (url) gets it as bearer token.",
	 .example = "env:HF_TOKEN"},
	{.name = "endpoint", .type = FIELD_TEXT, AT(spec_model, endpoint),
	 .fallback = HUB_ENDPOINT, .pattern = HTTP, .must = HTTP_MUST,
	 .doc = "The Hub, or a mirror of it. With source modelscope it is ModelScope's server, by "
		"default " MODELSCOPE_ENDPOINT "; with an s3:// URL it is the bucket's server, by "
		"default https://s3.REGION.amazonaws.com.",
	 .example = "https://huggingface.co"},
	{.name = "region", .type = FIELD_TEXT, .flags = FIELD_ASIDE, AT(spec_model, region),
	 .fallback = "us-east-1", .pattern = "^[a-z0-9-]+$", .longest = 64,
	 .must = "must be a region such as eu-central-1",
	 .doc = "The region of the bucket. Servers other than Amazon's mostly take any.",
	 .example = "eu-central-1"},
	{.name = "access_key", .type = FIELD_SECRET, .flags = FIELD_ASIDE, AT(spec_model, access_key),
	 .otherwise = "requests are not signed: the bucket must be public",
	 .doc = "A reference to the access key ID for the bucket: env:NAME, file:PATH or cmd:COMMAND.",
	 .example = "env:AWS_ACCESS_KEY_ID"},
	{.name = "secret_key", .type = FIELD_SECRET, .flags = FIELD_ASIDE, AT(spec_model, secret_key),
	 .otherwise = "none", .doc = "A reference to the secret access key.",
	 .example = "env:AWS_SECRET_ACCESS_KEY"},
	{.name = "session_token", .type = FIELD_SECRET, .flags = FIELD_ASIDE,
	 AT(spec_model, session_token), .otherwise = "none",
	 .doc = "A reference to the session token, if the keys are temporary.",
	 .example = "env:AWS_SESSION_TOKEN"},
	{.name = "ca", .type = FIELD_TEXT, .flags = FIELD_ASIDE, AT(spec_model, ca),
	 .pattern = "^(/|[A-Za-z0-9._]).*$", .longest = 1024, .must = "must be a path",
	 .otherwise = "the authorities that the system trusts",
	 .doc = "A file on this machine (PEM; relative to the spec) with the certificates of the "
		"authorities that sign the server's, for a mirror with a CA of its own. dray and the "
		"node that downloads trust these alone.",
	 .example = "certs/ca.pem"},
	{.name = "path", .type = FIELD_TEXT, .flags = FIELD_ASIDE, AT(spec_model, path),
	 .pattern = "^/[^:]+$", .must = "must be an absolute path on the nodes, without ':' and '~'", .meant = meant_folder,
	 .aka = "dir directory folder local_path",
	 .doc = "Instead of repo, where the model already is, on every node: a folder with "
		"config.json (or Mistral's params.json) and weights, which may be a snapshot in a "
		"cache of the Hub, or one GGUF file. Nothing is downloaded.",
	 .example = "/home/ubuntu/ml-1cc/my-model"},
	{.name = "extra", .type = FIELD_GROUPS, AT(spec_model, extra),
	 .group = &extra_group, .doc = "Other repositories that the engine needs."},
	{.name = "client", .type = FIELD_TEXT, AT(spec_model, client), .fallback = "image",
	 .choices = clients,
	 .doc = "Which hf command downloads (python3, with url): that of the engine's image, or that "
		"of the host.",
	 .example = "image"},
	{0},
};
const struct field_group model_fields = {
	.name = "model", .field = model, .size = sizeof(struct spec_model),
	.at_offset = offsetof(struct spec_model, at), .auto_offset = NO_OFFSET,
	.bare = "url path repo",
	.doc = "The model to serve: downloaded into .cache/huggingface of the storage.",
};
