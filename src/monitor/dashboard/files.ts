import uplotStyle from "uplot/dist/uPlot.min.css" with { type: "text" };
import uplotScript from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import app from "./app.js" with { type: "text" };
import cardsStyle from "./cards.css" with { type: "text" };
import chart from "./chart.js" with { type: "text" };
import charts from "./charts.js" with { type: "text" };
import chartsStyle from "./charts.css" with { type: "text" };
import columns from "./columns.js" with { type: "text" };
import connection from "./connection.js" with { type: "text" };
import elements from "./elements.js" with { type: "text" };
import events from "./events.js" with { type: "text" };
import eventsStyle from "./events.css" with { type: "text" };
import format from "./format.js" with { type: "text" };
import icon from "./icon.svg" with { type: "text" };
import keys from "./keys.js" with { type: "text" };
import keysStyle from "./keys.css" with { type: "text" };
import layoutStyle from "./layout.css" with { type: "text" };
import page from "./page.html" with { type: "text" };
import past from "./past.js" with { type: "text" };
import phoneStyle from "./phone.css" with { type: "text" };
import row from "./row.js" with { type: "text" };
import slots from "./slots.js" with { type: "text" };
import table from "./table.js" with { type: "text" };
import tableStyle from "./table.css" with { type: "text" };
import theme from "./theme.js" with { type: "text" };
import themeStyle from "./theme.css" with { type: "text" };
import tiles from "./tiles.js" with { type: "text" };

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

/** Files by the path they are served at. */
export const dashboardFiles: Readonly<Record<string, DashboardFile>> = {
  "/dashboard": html(page),
  "/dashboard/app.js": script(app),
  "/dashboard/cards.css": style(cardsStyle),
  "/dashboard/chart.js": script(chart),
  "/dashboard/charts.css": style(chartsStyle),
  "/dashboard/charts.js": script(charts),
  "/dashboard/columns.js": script(columns),
  "/dashboard/connection.js": script(connection),
  "/dashboard/elements.js": script(elements),
  "/dashboard/events.css": style(eventsStyle),
  "/dashboard/events.js": script(events),
  "/dashboard/format.js": script(format),
  "/dashboard/icon.svg": image(icon),
  "/dashboard/keys.css": style(keysStyle),
  "/dashboard/keys.js": script(keys),
  "/dashboard/layout.css": style(layoutStyle),
  "/dashboard/past.js": script(past),
  "/dashboard/phone.css": style(phoneStyle),
  "/dashboard/row.js": script(row),
  "/dashboard/slots.js": script(slots),
  "/dashboard/table.css": style(tableStyle),
  "/dashboard/table.js": script(table),
  "/dashboard/theme.css": style(themeStyle),
  "/dashboard/theme.js": script(theme),
  "/dashboard/tiles.js": script(tiles),
  "/dashboard/uplot.css": style(uplotStyle),
  "/dashboard/uplot.js": script(uplotScript),
};
