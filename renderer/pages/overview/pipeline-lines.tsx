/** The lines between the cards, drawn behind them from where the cards really stand. */
import { useEffect, useState, type RefObject } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../../text/use-format.ts';
import type { PipelineLink } from './pipeline-links.ts';
import styles from './pipeline.module.css';

interface Box {
  readonly left: number;
  readonly right: number;
  readonly middle: number;
}

/** Of the end of a line, before the card it points to. */
const ARROW_PX = 7;

export function PipelineLines(props: {
  readonly picture: RefObject<HTMLElement | null>;
  readonly links: readonly PipelineLink[];
}) {
  const { picture, links } = props;
  const boxes = useBoxes(picture);
  return (
    <>
      <svg className={styles['lines']} aria-hidden>
        {links.map((link) => (
          <Line key={`${link.from} ${link.to}`} link={link} boxes={boxes} />
        ))}
      </svg>
      {links.map((link) => (
        <Flow key={`${link.from} ${link.to}`} link={link} boxes={boxes} />
      ))}
    </>
  );
}

function Line({ link, boxes }: { readonly link: PipelineLink; readonly boxes: ReadonlyMap<string, Box> }) {
  const from = boxes.get(link.from);
  const to = boxes.get(link.to);
  if (from === undefined || to === undefined) return null;
  const end = to.left - ARROW_PX;
  const bend = (from.right + end) / 2;
  return (
    <g className={styles['line']} data-tone={link.tone}>
      <path
        d={`M${from.right} ${from.middle} C${bend} ${from.middle} ${bend} ${to.middle} ${end} ${to.middle}`}
      />
      <path className={styles['arrow']} d={`M${to.left - 1} ${to.middle} l-${ARROW_PX} -4 v8 z`} />
    </g>
  );
}

function Flow({ link, boxes }: { readonly link: PipelineLink; readonly boxes: ReadonlyMap<string, Box> }) {
  const { t } = useTranslation();
  const format = useFormat();
  const box = boxes.get(link.figuresAt === 'from' ? link.from : link.to);
  // What waits has its state at the card; zeros on the line would say nothing more.
  if (link.figuresAt === 'nowhere' || box === undefined || (link.eventsPerSecond === 0 && link.tone !== 'ok'))
    return null;
  const events = format.eventsRate(link.eventsPerSecond);
  const bytes = format.bytesRate(link.bytesPerSecond);
  return (
    <div
      className={styles['flow']}
      data-at={link.figuresAt}
      data-tone={link.tone}
      style={{ left: link.figuresAt === 'from' ? box.right : box.left, top: box.middle }}
    >
      <span className={styles['unseen']}>
        {t('overview.pipeline.flow', { from: link.fromName, to: link.toName, events, bytes })}
      </span>
      <span aria-hidden>{events}</span>
      <span aria-hidden>{bytes}</span>
    </div>
  );
}

/** Where the cards stand, told anew when one of them or the picture changes its size, or cards come and go. */
function useBoxes(picture: RefObject<HTMLElement | null>): ReadonlyMap<string, Box> {
  const [boxes, setBoxes] = useState<ReadonlyMap<string, Box>>(new Map());
  // Not a layout effect: those of children run before the picture's own ref is set.
  useEffect(() => {
    const element = picture.current;
    if (element === null) return;
    const measure = () => {
      const next = measured(element);
      setBoxes((before) => (isSame(before, next) ? before : next));
    };
    const sizes = new ResizeObserver(measure);
    const observeCards = () => {
      sizes.disconnect();
      sizes.observe(element);
      for (const card of element.querySelectorAll('[data-node]')) sizes.observe(card);
      measure();
    };
    const children = new MutationObserver(observeCards);
    for (const column of element.querySelectorAll('ul')) children.observe(column, { childList: true });
    observeCards();
    return () => {
      sizes.disconnect();
      children.disconnect();
    };
  }, [picture]);
  return boxes;
}

function measured(picture: HTMLElement): ReadonlyMap<string, Box> {
  const origin = picture.getBoundingClientRect();
  return new Map(
    [...picture.querySelectorAll<HTMLElement>('[data-node]')].map((card) => {
      const { left, right, top } = card.getBoundingClientRect();
      // Lines meet the heads of cards: the middle would wander whenever a cause comes or goes.
      return [
        card.dataset['node'] ?? '',
        { left: left - origin.left, right: right - origin.left, middle: top - origin.top + 22 },
      ];
    }),
  );
}

function isSame(a: ReadonlyMap<string, Box>, b: ReadonlyMap<string, Box>): boolean {
  return (
    a.size === b.size &&
    [...b].every(([id, { left, right, middle }]) => {
      const other = a.get(id);
      return other?.left === left && other.right === right && other.middle === middle;
    })
  );
}
