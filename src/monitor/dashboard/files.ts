import uplotStyle from "uplot/dist/uPlot.min.css" with { type: "text" };
import uplotScript from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import address from "./address.js" with { type: "text" };
import alarms from "./alarms.js" with { type: "text" };
import alert from "./alert.js" with { type: "text" };
import app from "./app.js" with { type: "text" };
import cardsStyle from "./cards.css" with { type: "text" };
import chart from "./chart.js" with { type: "text" };
import chartText from "./chart_text.js" with { type: "text" };
import chartsStyle from "./charts.css" with { type: "text" };
import charts from "./charts.js" with { type: "text" };
import columns from "./columns.js" with { type: "text" };
import columnsStyle from "./columns.css" with { type: "text" };
import connection from "./connection.js" with { type: "text" };
import copy from "./copy.js" with { type: "text" };
import detailStyle from "./detail.css" with { type: "text" };
import detail from "./detail.js" with { type: "text" };
import elements from "./elements.js" with { type: "text" };
import eventsStyle from "./events.css" with { type: "text" };
import events from "./events.js" with { type: "text" };
import facts from "./facts.js" with { type: "text" };
import failures from "./failures.js" with { type: "text" };
import fold from "./fold.js" with { type: "text" };
import foldRow from "./fold_row.js" with { type: "text" };
import format from "./format.js" with { type: "text" };
import headerStyle from "./header.css" with { type: "text" };
import header from "./header.js" with { type: "text" };
import keys from "./keys.js" with { type: "text" };
import layoutStyle from "./layout.css" with { type: "text" };
import markLines from "./mark_lines.js" with { type: "text" };
import marks from "./marks.js" with { type: "text" };
import memory from "./memory.js" with { type: "text" };
import mention from "./mention.js" with { type: "text" };
import models from "./models.js" with { type: "text" };
import past from "./past.js" with { type: "text" };
import phoneStyle from "./phone.css" with { type: "text" };
import route from "./route.js" with { type: "text" };
import row from "./row.js" with { type: "text" };
import slots from "./slots.js" with { type: "text" };
import smallTableStyle from "./small_table.css" with { type: "text" };
import smallTable from "./small_table.js" with { type: "text" };
import sorting from "./sorting.js" with { type: "text" };
import statesStyle from "./states.css" with { type: "text" };
import states from "./states.js" with { type: "text" };
import tableStyle from "./table.css" with { type: "text" };
import table from "./table.js" with { type: "text" };
import themeStyle from "./theme.css" with { type: "text" };
import theme from "./theme.js" with { type: "text" };
import tilesStyle from "./tiles.css" with { type: "text" };
import tiles from "./tiles.js" with { type: "text" };
import turns from "./turns.js" with { type: "text" };
import wideRow from "./wide_row.js" with { type: "text" };
import icon from "./icon.svg" with { type: "text" };
import page from "./page.html" with { type: "text" };

/** A file of the dashboard, embedded in the executable. */
export interface DashboardFile {
  readonly contentType: string;
  readonly text: string;
}

const html = (text: string): DashboardFile => ({ contentType: "text/html; charset=utf-8", text });
const style = (text: string): DashboardFile => ({ contentType: "text/css; charset=utf-8", text });
const image = (text: string): DashboardFile => ({ contentType: "image/svg+xml", text });
const script = (text: string): DashboardFile => ({
  contentType: "text/javascript; charset=utf-8",
  text,
});

/** The icon while a server is down: red. */
const iconDown = icon.replace("#2f6feb", "#d23c49");

/** Files by the path they are served at. */
export const dashboardFiles: Readonly<Record<string, DashboardFile>> = {
  "/dashboard": html(page),
  "/dashboard/address.js": script(address),
  "/dashboard/alarms.js": script(alarms),
  "/dashboard/alert.js": script(alert),
  "/dashboard/app.js": script(app),
  "/dashboard/cards.css": style(cardsStyle),
  "/dashboard/chart.js": script(chart),
  "/dashboard/chart_text.js": script(chartText),
  "/dashboard/charts.css": style(chartsStyle),
  "/dashboard/charts.js": script(charts),
  "/dashboard/columns.css": style(columnsStyle),
  "/dashboard/columns.js": script(columns),
  "/dashboard/connection.js": script(connection),
  "/dashboard/copy.js": script(copy),
  "/dashboard/detail.css": style(detailStyle),
  "/dashboard/detail.js": script(detail),
  "/dashboard/elements.js": script(elements),
  "/dashboard/events.css": style(eventsStyle),
  "/dashboard/events.js": script(events),
  "/dashboard/facts.js": script(facts),
  "/dashboard/failures.js": script(failures),
  "/dashboard/fold.js": script(fold),
  "/dashboard/fold_row.js": script(foldRow),
  "/dashboard/format.js": script(format),
  "/dashboard/header.css": style(headerStyle),
  "/dashboard/header.js": script(header),
  "/dashboard/icon-down.svg": image(iconDown),
  "/dashboard/icon.svg": image(icon),
  "/dashboard/keys.js": script(keys),
  "/dashboard/layout.css": style(layoutStyle),
  "/dashboard/mark_lines.js": script(markLines),
  "/dashboard/marks.js": script(marks),
  "/dashboard/memory.js": script(memory),
  "/dashboard/mention.js": script(mention),
  "/dashboard/models.js": script(models),
  "/dashboard/past.js": script(past),
  "/dashboard/phone.css": style(phoneStyle),
  "/dashboard/route.js": script(route),
  "/dashboard/row.js": script(row),
  "/dashboard/slots.js": script(slots),
  "/dashboard/small_table.css": style(smallTableStyle),
  "/dashboard/small_table.js": script(smallTable),
  "/dashboard/sorting.js": script(sorting),
  "/dashboard/states.css": style(statesStyle),
  "/dashboard/states.js": script(states),
  "/dashboard/table.css": style(tableStyle),
  "/dashboard/table.js": script(table),
  "/dashboard/theme.css": style(themeStyle),
  "/dashboard/theme.js": script(theme),
  "/dashboard/tiles.css": style(tilesStyle),
  "/dashboard/tiles.js": script(tiles),
  "/dashboard/turns.js": script(turns),
  "/dashboard/uplot.css": style(uplotStyle),
  "/dashboard/uplot.js": script(uplotScript),
  "/dashboard/wide_row.js": script(wideRow),
};
