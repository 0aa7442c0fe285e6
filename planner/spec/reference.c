/* The field table as the reference page: scdoc for dray.yaml(5), or Markdown. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "planner/engines/engine.h"
#include "planner/base/str.h"
#include "planner/base/vec.h"
#include "planner/spec/checks.h"
#include "planner/spec/fields.h"
#include "planner/spec/spec.h"

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
	"engine: {image: '%s'}\n";

static const char variables_example[] =
	"vars: {size: 405b, site: lab-1}\n"
	"cluster: llama-${size}\n"
	"nodes:\n"
	"  - host: gpu-[01-04].${site}        # gpu-01.lab-1 to gpu-04.lab-1\n"
	"  - {host: 'spare-[1,3]', name: 'extra-[1-2]'}\n"
	"shared_dir: /srv/models\n"
	"model: {repo: meta-llama/Llama-3.1-405B-Instruct, token: 'env:HF_TOKEN'}\n"
	"parallelism: {tensor: 8, pipeline: 6}\n"
	"engine: {image: '%s'}\n"
	"probe: {prompt: 'A plain $${ and a ${size}.'}\n";

/* Plain text, with the format's markup characters escaped. */
static void
reference_put(struct page *p, const char *text)
{
	const char *special = p->format == SPEC_SCDOC ? "\\*_" : "\\*_|<>";

	for (; *text; text++) {
		if (strchr(special, *text))
			str_putc(&p->out, '\\');
		str_putc(&p->out, *text);
	}
}

/* Man pages have chapters in capitals. */
static void
reference_heading(struct page *p, int level, const char *text)
{
	str_puts(&p->out, level == 1 ? "# " : "## ");
	for (; level == 1 && p->format == SPEC_SCDOC && *text; text++)
		str_putc(&p->out, (char)toupper((unsigned char)*text));
	reference_put(p, text);
	str_puts(&p->out, "\n\n");
}

static void
reference_paragraph(struct page *p, const char *text)
{
	reference_put(p, text);
	str_puts(&p->out, "\n\n");
}

static void
reference_block(struct page *p, const char *text)
{
	str_puts(&p->out, p->format == SPEC_SCDOC ? "```\n" : "```yaml\n");
	str_puts(&p->out, text);
	str_puts(&p->out, "```\n\n");
}

static void
reference_code(struct page *p, const char *text)
{
	if (p->format == SPEC_SCDOC) {
		str_putc(&p->out, '*');
		reference_put(p, text);
		str_putc(&p->out, '*');
	} else {
		str_printf(&p->out, "`%s`", text);
	}
}

/* What a key takes, in parentheses: "(number, 1 to 65535, default 22)". */
static void
reference_facts(struct page *p, const struct field *f)
{
	static const char *const type[] = {
		[FIELD_TEXT] = "string", [FIELD_NUMBER] = "number", [FIELD_SECRET] = "secret",
		[FIELD_TEXTS] = "list of strings", [FIELD_PAIRS] = "map of strings",
		[FIELD_ARGS] = "map", [FIELD_GROUP] = "map", [FIELD_NODES] = "list",
		[FIELD_LEFT] = "list", [FIELD_VARS] = "map of strings", [FIELD_GROUPS] = "list",
		[FIELD_TREE] = "map",
	};
	struct str s = {0};

	str_printf(&s, "(%s", f->flags & FIELD_ONE ? "string or list of strings" : type[f->type]);
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
	reference_put(p, str_text(&s));
	str_release(&s);
}

static void
reference_field(struct page *p, const struct field *f)
{
	bool man = p->format == SPEC_SCDOC;

	str_puts(&p->out, man ? "" : "- ");
	reference_code(p, f->name);
	str_putc(&p->out, ' ');
	reference_facts(p, f);
	str_puts(&p->out, man ? "\n\t" : "  \n  ");
	reference_put(p, f->doc);
	if (f->must && !f->choices && f->type != FIELD_GROUP) {
		str_puts(&p->out, " It ");
		reference_put(p, f->must);
		str_putc(&p->out, '.');
	}
	if (f->example && f->type != FIELD_GROUP) {
		str_puts(&p->out, man ? "\n\n\tExample: " : "  \n  Example: ");
		if (man)
			reference_put(p, f->example);
		else
			str_printf(&p->out, "`%s`", f->example);
	}
	str_puts(&p->out, man ? "\n\n" : "\n");
}

static void
reference_group(struct page *p, const struct field_group *g, const char *name)
{
	reference_heading(p, 2, name);
	reference_paragraph(p, g->doc);
	for (const struct field *f = g->field; f->name; f++)
		reference_field(p, f);
	if (p->format == SPEC_MARKDOWN)
		str_putc(&p->out, '\n');
	for (const struct field *f = g->field; f->name; f++)
		if (f->group && f->type != FIELD_LEFT && !(g->name && strcmp(f->name, "ssh") == 0))
			reference_group(p, f->group, f->group->name);
	if (g == &spec_fields)
		reference_group(p, &inventory_fields, "nodes from a program");
}

/* Every key with its example: a spec that reads without a warning. */
static void
reference_full_example(struct str *out, const struct field_group *g, int depth, bool in_list)
{
	for (const struct field *f = g->field; f->name; f++) {
		bool dash = in_list && f == g->field, list = f->type == FIELD_NODES ||
							     f->type == FIELD_GROUPS;

		str_printf(out, "%*s%s", 2 * (depth - dash), "", dash ? "- " : "");
		if (f->flags & FIELD_ASIDE)
			str_puts(out, "# ");
		str_printf(out, "%s:", f->name);
		if (f->group && f->type != FIELD_LEFT) {
			str_putc(out, '\n');
			reference_full_example(out, f->group, depth + 1 + list, list);
		} else {
			str_printf(out, " %s\n", f->example);
		}
	}
}

const char *
spec_reference(struct arena *a, enum spec_format format)
{
	struct page p = {.format = format};
	struct str example = {0};
	const char *copy;

	if (format == SPEC_SCDOC) {
		str_puts(&p.out, "dray.yaml(5)\n\n");
		reference_heading(&p, 1, "NAME");
		reference_paragraph(&p, "dray.yaml - a model and the hosts that serve it");
		reference_heading(&p, 1, "DESCRIPTION");
	} else {
		reference_heading(&p, 1, "The spec file");
	}
	reference_paragraph(&p,
		"One YAML file says which hosts there are, which model they serve and how. dray "
		"reads cluster.yaml unless -f names another file.");
	reference_block(&p, arena_printf(a, small_example, engine_find(NULL)->image));
	reference_heading(&p, 1, "Strings and numbers");
	reference_paragraph(&p,
		"Values are read by the type of their key: no, 010 and 1.10 stay strings where a "
		"string is expected, and a number has no leading zeros. Unknown keys, duplicate "
		"keys, anchors, aliases, merge keys, tags and tabs in the indentation are errors. "
		"A spec is one document of at most 4 MiB and 1024 nodes.");
	reference_heading(&p, 1, "Variables and ranges");
	reference_paragraph(&p,
		"Values can contain ${name} for a string under vars and ${env:NAME} for an "
		"environment variable; $${ is a literal ${. Keys are not expanded. The host, name "
		"and address of a node can be ranges: [1-4], [01-04] (leading zeros are kept), "
		"[1,3,5-7], also several in one string. In a {map} or [list], quote such a string.");
	reference_block(&p, arena_printf(a, variables_example, engine_find(NULL)->image));
	reference_heading(&p, 1, "Secrets");
	reference_paragraph(&p,
		"A secret is a reference: env:NAME reads an environment variable, file:PATH the "
		"first line of a file, cmd:COMMAND the first line a command prints. It is read "
		"when needed and never stored. A secret in the file itself is refused.");
	reference_paragraph(&p,
		"A spec is a program: it names commands to run on this machine, secrets to read and "
		"servers to send them to. Do not plan a spec that you do not trust. validate, kinds, "
		"'hooks test' and commands with -facts run no command, read no secret and contact no "
		"server unless -secrets is given.");
	reference_heading(&p, 1, "Keys");
	reference_group(&p, &spec_fields,
			format == SPEC_SCDOC ? "top of the file" : "Top of the file");
	reference_heading(&p, 1, "Checks");
	reference_paragraph(&p,
		"These must hold beyond single keys. Messages end with the name of the check.");
	for (size_t i = 0; i < CHECK_COUNT; i++) {
		str_puts(&p.out, "- ");
		reference_code(&p, checks[i].name);
		str_puts(&p.out, checks[i].is_error ? ": " : " (a warning): ");
		reference_put(&p, checks[i].doc);
		str_putc(&p.out, '\n');
	}
	str_putc(&p.out, '\n');
	reference_heading(&p, 1, "Every key");
	reference_full_example(&example, &spec_fields, 0, false);
	reference_block(&p, str_text(&example));
	if (format == SPEC_SCDOC) {
		reference_heading(&p, 1, "SEE ALSO");
		str_puts(&p.out, "*dray*(1)\n");
	}
	while (p.out.len > 1 && p.out.buf[p.out.len - 2] == '\n')
		p.out.buf[--p.out.len] = '\0';
	copy = arena_strndup(a, str_text(&p.out), p.out.len);
	str_release(&p.out);
	str_release(&example);
	return copy;
}
