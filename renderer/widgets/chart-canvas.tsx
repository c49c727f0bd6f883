/** The drawn part of a chart. It is loaded late: what draws it is needed by few pages. */
import { useEffect, useMemo, useRef, useSyncExternalStore } from 'react';
import type uPlot from 'uplot';
import { useFormat } from '../text/use-format.ts';
import styles from './chart.module.css';
import { drawChart } from './chart-drawing.ts';
import { chartData, type ChartProps } from './chart-series.ts';

export interface ChartCanvasProps extends ChartProps {
  readonly height: number;
  /** The place that is pointed at. */
  readonly onCursor: (place: number | undefined) => void;
}

export function ChartCanvas(props: ChartCanvasProps) {
  const { timesMs, series, height, bands, unit, syncKey } = props;
  const format = useFormat();
  const scheme = useSyncExternalStore(watchScheme, shownScheme);
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const shape = series
    .map(({ label, color, isFilled }) => `${label} ${color ?? ''} ${isFilled ?? ''}`)
    .join('|');

  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const onCursor = (at: number | undefined) => latest.current.onCursor(at);
    const drawn = drawChart({ element, props: () => latest.current, format, onCursor });
    plot.current = drawn;
    const observer = new ResizeObserver(() =>
      drawn.setSize({ width: Math.max(80, element.clientWidth), height }),
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
      drawn.destroy();
      plot.current = undefined;
      onCursor(undefined);
    };
  }, [shape, format, scheme, height, unit, syncKey]);

  const data = useMemo(() => chartData(timesMs, series), [timesMs, series]);
  useEffect(() => plot.current?.setData(data), [data]);
  useEffect(() => plot.current?.redraw(false), [bands]);
  return <div ref={place} className={styles['plot']} />;
}

const SCHEME = 'data-mantine-color-scheme';

/** As the page wears it: what a component is told of a new scheme comes before the colours are there to be read. */
function shownScheme(): string | null {
  return document.documentElement.getAttribute(SCHEME);
}

function watchScheme(onChange: () => void): () => void {
  const observer = new MutationObserver(onChange);
  observer.observe(document.documentElement, { attributeFilter: [SCHEME] });
  return () => observer.disconnect();
}
