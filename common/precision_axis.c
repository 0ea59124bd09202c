#include "precision_axis.h"

#include "label.h"

struct precision_axis
precision_axis_of(const struct plot *plot, double room)
{
	double width = PAGE_CHARACTER_WIDTH * (double)plot_longest_name(plot);
	struct precision_axis axis = {.plot = plot, .turned = width > room};

	/* A name at 35 degrees is sin 35 of its length high. */
	axis.height = axis.turned ? 24 + 0.57 * width : 30;
	axis.overhang = axis.turned ? 0.82 * width - room / 2 : 0;
	return axis;
}

void
precision_axis_print(const struct precision_axis *axis)
{
	FILE *script = axis->plot->script;
	size_t count = axis->plot->table->precision_count;

	fprintf(script, "unset xtics\nset xrange [0.4:%zu.6]\n", count);
	for (size_t p = 0; p < count; p++) {
		fprintf(script, "set label %zu ", PRECISION_AXIS_TAG + p);
		gnuplot_string(script, axis->plot->names[p]);
		fprintf(script,
			" at first %zu,graph 0 %s noenhanced font ',10' textcolor rgb '#333333'\n",
			p + 1,
			axis->turned ? "right rotate by 35 offset 0.6,-0.7"
				     : "center offset 0,-0.9");
	}
}
