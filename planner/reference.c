/* The field table as the reference page: scdoc for dray.yaml(5), or Markdown. */
#include <stdlib.h>
#include <string.h>

#include "planner/base/str.h"
#include "planner/base/vec.h"
#include "planner/checks.h"
#include "planner/fields.h"
#include "planner/spec.h"

struct page {
	struct str out;
	enum spec_format format;
};

static const char small_example[] =
	"cluster: pair\n"
	"nodes: [gpu-1, gpu-2]              # the first one is the head\n"
	"shared_dir: /srv/models\n"
	"model: {repo: Qwen/Qwen3-32B}\n"
	"parallelism: {tensor: 4, pipeline: 2}\n"
	"engine: {image: 'vllm/vllm-openai:v0.17.1'}\n";

static const char variables_example[] =
	"vars: {size: 405b, site: lab-1}\n"
	"cluster: llama-${size}\n"
	"nodes:\n"
	"  - host: gpu-[01-04].${site}        # gpu-01.lab-1 to gpu-04.lab-1\n"
	"  - {host: 'spare-[1,3]', name: 'extra-[1-2]'}\n"
	"shared_dir: /srv/models\n"
	"model: {repo: meta-llama/Llama-3.1-405B-Instruct, token: 'env:HF_TOKEN'}\n"
	"parallelism: {tensor: 8, pipeline: 6}\n"
	"engine: {image: 'vllm/vllm-openai:v0.17.1'}\n"
	"probe: {prompt: 'A plain $${ and a ${size}.'}\n";

/* Plain text with what the format takes for markup escaped. */
static void
put(struct page *p, const char *text)
{
	const char *special = p->format == SPEC_SCDOC ? "\\*_" : "\\*_|<>";

	for (; *text; text++) {
		if (strchr(special, *text))
			str_putc(&p->out, '\\');
		str_putc(&p->out, *text);
	}
}

static void
heading(struct page *p, int level, const char *text)
{
	for (int i = 0; i < level; i++)
		str_putc(&p->out, '#');
	str_putc(&p->out, ' ');
	put(p, text);
	str_puts(&p->out, "\n\n");
}

static void
paragraph(struct page *p, const char *text)
{
	put(p, text);
	str_puts(&p->out, "\n\n");
}

static void
block(struct page *p, const char *text)
{
	str_puts(&p->out, p->format == SPEC_SCDOC ? "```\n" : "```yaml\n");
	str_puts(&p->out, text);
	str_puts(&p->out, "```\n\n");
}

static void
code(struct page *p, const char *text)
{
	if (p->format == SPEC_SCDOC) {
		str_putc(&p->out, '*');
		put(p, text);
		str_putc(&p->out, '*');
	} else {
		str_printf(&p->out, "`%s`", text);
	}
}

static const char *
kind_of(const struct field *f)
{
	static const char *const name[] = {
		[FIELD_TEXT] = "text", [FIELD_NUMBER] = "number", [FIELD_SECRET] = "secret",
		[FIELD_TEXTS] = "list of texts", [FIELD_PAIRS] = "map of texts",
		[FIELD_ARGS] = "map", [FIELD_GROUP] = "map", [FIELD_NODES] = "list",
		[FIELD_VARS] = "map of texts", [FIELD_GROUPS] = "list", [FIELD_TREE] = "map",
	};

	if (f->flags & FIELD_ONE)
		return "text or list of texts";

	return name[f->type];
}

/* What a key takes, in brackets behind its name: "(number, 1 to 65535, default 22)". */
static void
facts(struct page *p, const struct field *f)
{
	struct str s = {0};

	str_printf(&s, "(%s", kind_of(f));
	if (f->type == FIELD_NUMBER)
		str_printf(&s, ", %lld to %lld%s%s", f->min, f->max, f->unit ? " " : "",
			   f->unit ? f->unit : "");
	for (size_t i = 0; f->choices && f->choices[i]; i++)
		str_printf(&s, "%s%s", i ? " or " : ": ", f->choices[i]);
	if (f->choices && f->pattern)
		str_printf(&s, " or %s", f->must);
	if (f->flags & FIELD_REQUIRED)
		str_puts(&s, ", required");
	if (f->fallback || f->otherwise)
		str_printf(&s, ", default %s", f->fallback ? f->fallback : f->otherwise);
	str_putc(&s, ')');
	put(p, str_text(&s));
	str_release(&s);
}

static void
field(struct page *p, const struct field *f)
{
	bool man = p->format == SPEC_SCDOC;

	str_puts(&p->out, man ? "" : "- ");
	code(p, f->name);
	str_putc(&p->out, ' ');
	facts(p, f);
	str_puts(&p->out, man ? "\n\t" : "  \n  ");
	put(p, f->doc);
	if (f->must && !f->choices && f->type != FIELD_GROUP) {
		str_puts(&p->out, " It ");
		put(p, f->must);
		str_putc(&p->out, '.');
	}
	if (f->example && f->type != FIELD_GROUP) {
		str_puts(&p->out, man ? "\n\n\tExample: " : "  \n  Example: ");
		if (man)
			put(p, f->example);
		else
			str_printf(&p->out, "`%s`", f->example);
	}
	str_puts(&p->out, man ? "\n\n" : "\n");
}

static void
group(struct page *p, const struct field_group *g, const char *name)
{
	heading(p, 2, name);
	paragraph(p, g->doc);
	for (const struct field *f = g->field; f->name; f++)
		field(p, f);
	if (p->format == SPEC_MARKDOWN)
		str_putc(&p->out, '\n');
	for (const struct field *f = g->field; f->name; f++)
		if (f->group && !(g->name && strcmp(f->name, "ssh") == 0))
			group(p, f->group, f->group->name);
	if (g == &spec_fields)
		group(p, &inventory_fields, "nodes from a program");
}

static void
indent(struct str *out, int depth)
{
	for (int i = 0; i < depth; i++)
		str_puts(out, "  ");
}

static bool
is_list(const struct field *f)
{
	return f->type == FIELD_NODES || f->type == FIELD_GROUPS;
}

/* Every key with its example, as a spec that reads without a warning. */
static void
full_example(struct str *out, const struct field_group *g, int depth, bool in_list)
{
	bool first = in_list;

	for (const struct field *f = g->field; f->name; f++) {
		if (first)
			indent(out, depth - 1), str_puts(out, "- ");
		else
			indent(out, depth);
		first = false;
		if (f->flags & FIELD_ASIDE)
			str_puts(out, "# ");
		str_printf(out, "%s:", f->name);
		if (f->group) {
			str_putc(out, '\n');
			full_example(out, f->group, depth + (is_list(f) ? 2 : 1), is_list(f));
		} else {
			str_printf(out, " %s\n", f->example);
		}
	}
}

static void
checks_list(struct page *p)
{
	for (size_t i = 0; i < CHECK_COUNT; i++) {
		str_puts(&p->out, "- ");
		code(p, checks[i].name);
		str_puts(&p->out, checks[i].is_error ? ": " : " (a warning): ");
		put(p, checks[i].doc);
		str_putc(&p->out, '\n');
	}
	str_putc(&p->out, '\n');
}

const char *
spec_reference(struct arena *a, enum spec_format format)
{
	struct page p = {.format = format};
	struct str example = {0};
	const char *copy;

	if (format == SPEC_SCDOC) {
		str_puts(&p.out, "dray.yaml(5)\n\n");
		heading(&p, 1, "NAME");
		paragraph(&p, "dray.yaml - a model and the hosts that serve it");
		heading(&p, 1, "DESCRIPTION");
	} else {
		heading(&p, 1, "The spec file");
	}
	paragraph(&p, "One YAML file says which hosts there are, which model they serve and how. "
		  "dray reads cluster.yaml unless -f names another file.");
	block(&p, small_example);
	heading(&p, 1, format == SPEC_SCDOC ? "TEXTS AND NUMBERS" : "Texts and numbers");
	paragraph(&p, "The key decides what a value is, not its looks: no, 010 and 1.10 are texts "
		  "where a text belongs, and a number has no zeros in front. Unknown keys, "
		  "duplicate keys, anchors, aliases, merge keys, tags and tabs in the indentation "
		  "are errors. A spec is one document of at most 4 MiB and 1024 nodes.");
	heading(&p, 1, format == SPEC_SCDOC ? "VARIABLES AND RANGES" : "Variables and ranges");
	paragraph(&p, "Values can hold ${name} for a text under vars and ${env:NAME} for an "
		  "environment variable; $${ is a plain ${. Keys are taken as they are. A host, and "
		  "its name and address beside it, can be a range: [1-4], [01-04] (zeros stay), "
		  "[1,3,5-7], several in one text. In a {map} or [list] such a text needs quotes.");
	block(&p, variables_example);
	heading(&p, 1, format == SPEC_SCDOC ? "SECRETS" : "Secrets");
	paragraph(&p, "A secret is a reference: env:NAME reads an environment variable, file:PATH the "
		  "first line of a file, cmd:COMMAND the first line a command prints. It is read when "
		  "it is needed and never stored. A secret written into the file is refused.");
	heading(&p, 1, format == SPEC_SCDOC ? "KEYS" : "Keys");
	group(&p, &spec_fields, format == SPEC_SCDOC ? "top of the file" : "Top of the file");
	heading(&p, 1, format == SPEC_SCDOC ? "CHECKS" : "Checks");
	paragraph(&p, "Beyond single keys, these must hold. Messages carry the name of the check.");
	checks_list(&p);
	heading(&p, 1, format == SPEC_SCDOC ? "EVERY KEY" : "Every key");
	full_example(&example, &spec_fields, 0, false);
	block(&p, str_text(&example));
	if (format == SPEC_SCDOC) {
		heading(&p, 1, "SEE ALSO");
		str_puts(&p.out, "*dray*(1)\n");
	}
	while (p.out.len > 1 && p.out.buf[p.out.len - 2] == '\n')
		p.out.buf[--p.out.len] = '\0';
	copy = arena_strndup(a, str_text(&p.out), p.out.len);
	str_release(&p.out);
	str_release(&example);
	return copy;
}
