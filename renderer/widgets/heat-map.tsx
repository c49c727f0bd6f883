/**
 * Amounts by hour and topic. A cell says how much it is by its height and its colour; its numbers stand in a tooltip, and all of them in
 * the table that can be shown instead.
 */
import { useElementSize } from '@mantine/hooks';
import { memo, useLayoutEffect, useMemo, useRef, useState, type PointerEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../text/use-format.ts';
import { SafeText } from './code-text.tsx';
import { HeatLegend } from './heat-map-legend.tsx';
import { columnsOf, scaleOf, stepPaths, ticksOf, type HeatCell, type HeatColumn } from './heat-map-layout.ts';
import { HeatTip, type HeatPlace } from './heat-map-tip.tsx';
import styles from './heat-map.module.css';

export interface HeatMapProps {
  readonly title: string;
  /** Beginnings of the hours that hold something, ascending. */
  readonly hoursMs: readonly number[];
  /** Those with most first. */
  readonly topics: readonly string[];
  readonly cells: readonly HeatCell[];
  /** What did not fit into it. */
  readonly leftOut: { readonly bytes: number; readonly events: number };
  /** The only one that is looked at. */
  readonly topic?: string | undefined;
  /** A click on a topic or on a cell of it. */
  readonly onTopic: (topic: string) => void;
}

const ROW_PX = 20;
const COLUMN_MIN_PX = 7;
const COLUMN_MAX_PX = 28;
const LABELS_PX = 148;
/** The text of the last hour reaches over its column. */
const END_PX = 34;

export const HeatMap = memo(function HeatMap(props: HeatMapProps) {
  const { hoursMs, topics, cells, topic, onTopic } = props;
  const { ref, width } = useElementSize();
  const columns = useMemo(() => columnsOf(hoursMs), [hoursMs]);
  const fitting = Math.floor((width - LABELS_PX - END_PX) / Math.max(1, columns.length));
  const columnPx = Math.min(COLUMN_MAX_PX, Math.max(COLUMN_MIN_PX, fitting));
  return (
    <div className={styles['frame']}>
      <div ref={ref} className={styles['measure']} />
      <NewestInView width={columns.length * columnPx} label={props.title}>
        <div
          className={styles['sheet']}
          style={{ gridTemplateColumns: `${LABELS_PX}px ${columns.length * columnPx + END_PX}px` }}
        >
          <div className={styles['labels']}>
            {topics.map((name) => (
              <TopicLabel key={name} name={name} topic={topic} onTopic={onTopic} />
            ))}
          </div>
          <Plot {...props} columns={columns} columnPx={columnPx} />
          <div className={styles['corner']} />
          <Ticks columns={columns} columnPx={columnPx} />
        </div>
      </NewestInView>
      <HeatLegend scale={useMemo(() => scaleOf(cells), [cells])} leftOut={props.leftOut} />
    </div>
  );
});

/** A map that is wider than its place shows its end first; where somebody scrolled to stays. */
function NewestInView(props: {
  readonly width: number;
  readonly label: string;
  readonly children: React.ReactNode;
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  useLayoutEffect(() => {
    const { current } = scroller;
    if (current !== null && isAtEnd.current) current.scrollLeft = current.scrollWidth;
  }, [props.width]);
  return (
    <div
      ref={scroller}
      className={styles['scroller']}
      role="group"
      aria-label={props.label}
      tabIndex={0}
      onScroll={({ currentTarget: { scrollLeft, clientWidth, scrollWidth } }) => {
        isAtEnd.current = scrollLeft + clientWidth >= scrollWidth - 2;
      }}
    >
      {props.children}
    </div>
  );
}

function TopicLabel({
  name,
  topic,
  onTopic,
}: { readonly name: string } & Pick<HeatMapProps, 'topic' | 'onTopic'>) {
  return (
    <button
      type="button"
      className={styles['label']}
      style={{ height: ROW_PX }}
      aria-pressed={topic === name}
      data-other={(topic !== undefined && topic !== name) || undefined}
      title={name}
      onClick={() => onTopic(name)}
    >
      <SafeText text={name} />
    </button>
  );
}

interface PlotProps extends HeatMapProps {
  readonly columns: readonly HeatColumn[];
  readonly columnPx: number;
}

function Plot(props: PlotProps) {
  const { t } = useTranslation();
  const { columns, columnPx, topics, cells, topic, onTopic } = props;
  const [at, setAt] = useState<HeatPlace>();
  const paths = useMemo(
    () => stepPaths(cells, { columns, topics, size: { columnPx, rowPx: ROW_PX } }),
    [cells, columns, topics, columnPx],
  );
  const width = columns.length * columnPx;
  const height = topics.length * ROW_PX;
  const row = topic === undefined ? -1 : topics.indexOf(topic);
  const move = (event: PointerEvent<SVGSVGElement>): void => {
    const box = event.currentTarget.getBoundingClientRect();
    setAt(placeAt(props, { x: event.clientX - box.left, y: event.clientY - box.top, box }));
  };
  return (
    <>
      <svg
        className={styles['plot']}
        width={width}
        height={height}
        role="img"
        aria-label={t('backlog.heat.summary', {
          title: props.title,
          topics: topics.length,
          hours: props.hoursMs.length,
        })}
        onPointerMove={move}
        onPointerLeave={() => setAt(undefined)}
        onClick={() => at !== undefined && onTopic(at.topic)}
      >
        <Rows count={topics.length} width={width} />
        <Gaps columns={columns} columnPx={columnPx} height={height} />
        {paths.map((path, step) => (
          <path key={step} d={path} className={styles['cells']} data-step={step} />
        ))}
        {row >= 0 && (
          <>
            <rect className={styles['veil']} width={width} height={row * ROW_PX} />
            <rect
              className={styles['veil']}
              y={(row + 1) * ROW_PX}
              width={width}
              height={height - (row + 1) * ROW_PX}
            />
          </>
        )}
        {at !== undefined && (
          <rect
            className={styles['cursor']}
            x={at.column * columnPx - 0.5}
            y={at.row * ROW_PX + 0.5}
            width={columnPx}
            height={ROW_PX - 1}
          />
        )}
      </svg>
      {at !== undefined && <HeatTip place={at} />}
    </>
  );
}

function placeAt(
  { columns, topics, cells, columnPx }: PlotProps,
  { x, y, box }: { readonly x: number; readonly y: number; readonly box: DOMRect },
): HeatPlace | undefined {
  const place = { column: Math.floor(x / columnPx), row: Math.floor(y / ROW_PX) };
  const column = columns[place.column];
  const topic = topics[place.row];
  if (column === undefined || topic === undefined) return undefined;
  const cell =
    column.kind === 'hour'
      ? cells.find((one) => one.hourMs === column.hourMs && one.topic === topic)
      : undefined;
  return {
    ...place,
    topic,
    of: column,
    cell,
    // Of the window: the tip may reach over the edge of the map.
    leftPx: box.left + (place.column + 1) * columnPx,
    topPx: box.top + (place.row + 1) * ROW_PX,
  };
}

function Rows({ count, width }: { readonly count: number; readonly width: number }) {
  const lines = Array.from({ length: count }, (_, row) => `M0 ${(row + 1) * ROW_PX - 0.5}h${width}`);
  return <path d={lines.join('')} className={styles['rows']} />;
}

/** Where hours were left out because nothing is in them. */
function Gaps(props: {
  readonly columns: readonly HeatColumn[];
  readonly columnPx: number;
  readonly height: number;
}) {
  const { columns, columnPx, height } = props;
  const lines = columns.map(({ kind }, at) =>
    kind === 'gap' ? `M${(at + 0.5) * columnPx - 0.5} 0v${height}` : '',
  );
  return <path d={lines.join('')} className={styles['gaps']} />;
}

function Ticks({ columns, columnPx }: Pick<PlotProps, 'columns' | 'columnPx'>) {
  const { monthDay, hourMinute } = useFormat();
  const ticks = useMemo(
    () => ticksOf(columns, { columnPx, monthDay, hourMinute }),
    [columns, columnPx, monthDay, hourMinute],
  );
  return (
    <div className={styles['ticks']}>
      {ticks.map(({ column, text, isDay }) => (
        <span key={column} data-day={isDay || undefined} style={{ left: column * columnPx }}>
          {text}
        </span>
      ))}
    </div>
  );
}
